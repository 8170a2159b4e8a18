using Sluice.Harness;
using Sluice.LockWorker;
using Xunit;

namespace Sluice.LockFaults;

/// <summary>References of four processes under what happens to processes, connections and servers. The long form is <c>eng/soak references</c>.</summary>
public sealed class ReferenceFaultTests(ITestOutputHelper output)
{
    private const int Seed = 20_260_101;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // Prevents: a callback while somebody holds, one that nobody runs or that runs again after it has succeeded, two at once, a token that goes back, references that the dead keep.
    [Fact]
    public async Task Histories_have_an_order_in_which_every_generation_ends_once()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        ReferenceFaultFigures figures = new();
        await using (ReferenceFaultRun run = await ReferenceFaultRun.StartAsync(Seed, Cancellation))
        {
            foreach (LockFault fault in (LockFault[])[LockFault.None, LockFault.Kill, LockFault.Pause, LockFault.LostReplies, LockFault.Restart, LockFault.ScriptFlush])
                await run.RunAsync(fault, figures, Cancellation);
        }

        output.WriteLine($"{figures.Taken} references, {figures.Generations} generations, {figures.Callbacks} callbacks, {figures.Lost} references lost");
        Assert.True(figures.Findings.Count == 0, string.Join('\n', figures.Findings));
    }

    // Prevents: a judge that finds everything in order.
    [Fact]
    public async Task Planted_bugs_are_found()
    {
        Assert.SkipUnless(PrivateRedisServer.Unavailable is null, PrivateRedisServer.Unavailable ?? "");
        await using ReferenceFaultRun run = await ReferenceFaultRun.StartAsync(Seed, Cancellation);
        foreach (string bug in PlantedReferenceBug.All)
        {
            ReferenceFaultFigures figures = new();
            await run.RunAsync(LockFault.None, figures, Cancellation, bug);
            Assert.True(figures.Findings.Count > 0, $"{bug} was not found in {figures.Taken} references and {figures.Callbacks} callbacks.");
            output.WriteLine($"{bug}: {figures.Findings[0].Split('\n')[0]}");
        }
    }
}
