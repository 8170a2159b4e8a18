using Sluice.Harness;
using Xunit;

namespace Sluice.Resp.Tests.Connection;

public sealed class RecordedCommandsTests(ITestOutputHelper output)
{
    // The promise of the whole client. `eng/soak resp` is the long form.
    [Theory]
    [InlineData(1, 300_000)]
    [InlineData(2, 300_000)]
    [InlineData(3, 300_000)]
    public async Task Through_a_network_that_breaks_in_every_way_no_reply_is_wrong_and_no_failure_misjudged(ulong seed, int commands)
    {
        Assert.SkipWhen(PrivateRedisServer.Unavailable is not null, PrivateRedisServer.Unavailable ?? "");
        await using PrivateRedisServer server = await PrivateRedisServer.StartAsync([], TestContext.Current.CancellationToken);

        RecordedResult result = await new RecordedCommands(server.EndPoint, seed).RunAsync(commands, "log", null, TestContext.Current.CancellationToken);

        output.WriteLine(result.ToString());
        Assert.Equal(0, result.Wrong);
        Assert.Equal(0, result.Misjudged);
        Assert.True(result.Corrupted <= result.Flips, result.Finding);
        Assert.True(result.Right > commands / 2 && result.Unknown > 0 && result.Faults > 10, "The network did not break enough, or too much, to prove anything.");
    }
}
