using Sluice.Resp.Tests.Client;
using Xunit;

namespace Sluice.Resp.Tests.Recorded;

public sealed class RecordedClientTests(ITestOutputHelper output)
{
    // The promise of the whole client, with everything that it can do. `eng/soak resp` is the long form.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Through_networks_that_break_no_reply_is_wrong_and_no_failure_misjudged(ulong seed)
    {
        const int Commands = 200_000;
        (TlsRedisServer? started, string reason) = await TlsRedisServer.TryStartAsync(demandsClientCertificate: false, TestContext.Current.CancellationToken);
        Assert.SkipWhen(started is null, reason);
        await using TlsRedisServer server = started!;

        RecordedClientResult result = await new RecordedClient(server, seed * 10).RunAsync(Commands, "run", null, TestContext.Current.CancellationToken);

        output.WriteLine(result.ToString());
        Assert.Equal("", result.Finding);
        Assert.Equal((0, 0), (result.Wrong, result.Misjudged));
        Assert.True(result.Right > Commands / 2 && result is { Unknown: > 0, Pops: > 0, Transactions: > 0, Messages: > 0, Faults: > 10 }, "The network did not break enough, or too much, to prove anything.");
    }
}
