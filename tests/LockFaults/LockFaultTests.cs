using System.Globalization;
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

    // Prevents: a judge that does not see the one lock that is stuck, because the callers go on with the others.
    [Fact]
    public async Task A_lock_that_is_stuck_after_a_round_is_found_with_its_holder()
    {
        SkipWithoutServer();
        await using LockFaultRun run = await LockFaultRun.StartAsync(remembers: false, seed: 20_260_102, Cancellation);
        await using SluiceEngine keeper = await SluiceEngine.StartAsync(
            new EngineOptions { Redis = { run.ServerUrl }, Partitions = LockFaultRun.Partitions, Locks = { Description = "who forgot it" } }, Cancellation);
        await using LockHandle kept = await keeper.Locks.Mutex("None1:mutex1").AcquireAsync(cancellation: Cancellation);
        LockFaultFigures figures = new();
        await run.RunAsync(LockFault.None, figures, Cancellation);
        string finding = Assert.Single(figures.Findings);
        Assert.StartsWith("None1:mutex1 ", finding, StringComparison.Ordinal);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"who forgot it (Write, token {kept.FencingToken},"), finding, StringComparison.Ordinal);
    }

    private static void SkipWithoutServer() => Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");

    private async Task<LockFaultFigures> RunAsync(bool remembers, LockFault fault)
    {
        SkipWithoutServer();
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
