using Sluice.Harness;
using Xunit;

namespace Sluice.LockFaults;

/// <summary>Locks of four processes under everything that happens to processes, connections and servers. The long form is <c>eng/soak locks</c>.</summary>
public sealed class LockFaultTests(ITestOutputHelper output)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: two holders at once, a lock that nobody can get any more, a token that goes back: with the server remembering, no fault of processes or connections is an excuse.
    [Theory]
    [InlineData(LockFault.None)]
    [InlineData(LockFault.Kill)]
    [InlineData(LockFault.Pause)]
    [InlineData(LockFault.Silence)]
    [InlineData(LockFault.LostReplies)]
    [InlineData(LockFault.Restart)]
    [InlineData(LockFault.ScriptFlush)]
    [InlineData(LockFault.Starvation)]
    [InlineData(LockFault.Collection)]
    public async Task Histories_have_an_order_and_no_replaced_holder_passes_a_fence(LockFault fault)
    {
        LockFaultFigures figures = await RunAsync(remembers: true, fault);
        Assert.Equal(0, figures.Overlaps);
    }

    // Prevents: a server that forgets taking the tokens with it. Two may hold; only one of them may write.
    [Fact]
    public async Task After_a_server_forgot_everything_no_replaced_holder_passes_a_fence() => await RunAsync(remembers: false, LockFault.Restart);

    private async Task<LockFaultFigures> RunAsync(bool remembers, LockFault fault)
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        LockFaultFigures figures = new();
        await using (LockFaultRun run = await LockFaultRun.StartAsync(remembers, seed: 20_260_101, Cancellation))
            await run.RunAsync(fault, figures, Cancellation);
        output.WriteLine(
            $"{figures.Granted} acquisitions, {figures.Overlaps} overlaps, {figures.Writes} writes, {figures.Stale} stale ones, {figures.Refused} refused; {figures.Losses} losses, told at least {figures.LeastLead:0.0} ms before");
        Assert.Empty(figures.Findings);
        Assert.Equal(0, figures.StaleFenced);
        return figures;
    }
}
