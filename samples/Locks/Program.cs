using Sluice;
using Sluice.Samples.Locking;

await using SluiceEngine engine = await SluiceEngine.StartAsync();
int working = 0, most = 0, failures = 0;
Lock gate = new();

// Ten callers, two leases: they work in pairs, each until the other has come.
await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Examples.WorkAsync(engine.Locks, async () =>
{
    lock (gate)
        most = Math.Max(most, ++working);
    await engine.Locks.Barrier("pair", 2).SignalAndWaitAsync(Timeout.InfiniteTimeSpan);
    lock (gate)
        working--;
})));
Console.WriteLine($"max_leases=2: at most {most} of 10 callers worked at the same time.");
failures += most == 2 ? 0 : 1;

// A reader, and a writer that waits a second for it in vain.
await Examples.ReadAsync(engine.Locks, async () =>
{
    try
    {
        await Examples.WriteAsync(engine.Locks, () => Task.CompletedTask);
        failures++;
        Console.WriteLine("A writer beside a reader: BUT IT WROTE");
    }
    catch (LockTimeoutException blocked)
    {
        Console.WriteLine($"A writer beside a reader: {blocked.Message}");
    }
});

// A holder whose token is old.
FencedRegister<string> register = new("");
long old = (await engine.Locks.Mutex("front page").AcquireAsync() is { } first && await first.ReleaseAsync() == ReleaseOutcome.Released) ? first.FencingToken : 0;
bool wasWritten = await Examples.PublishAsync(engine.Locks, register, "new");
bool wasRefused = !register.TryWrite(old, "old");
Console.WriteLine($"A fenced register: it has '{register.Value}', and the old holder was {(wasRefused ? "refused" : "NOT REFUSED")}.");
return failures == 0 && wasWritten && wasRefused ? 0 : 1;
