using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Sluice.LockWorker;

/// <summary>
/// What runs in a round: two callers, which take and give back references to three keys. What they say is, by its first letter, with moments in ticks of the machine's monotonic clock:
/// A handle key moment (asks) · H handle moment (has it) · L handle moment (was told that it is lost) · R handle moment (lets go) · O handle moment outcome (has let go) ·
/// N key moment moment count (counted, between the two) · B key generation token moment handle (a callback begins; of a release that brought it along, or 0) · D key generation token moment succeeded (it ends) ·
/// Z moment moment (the process stood still) · X what (an error that must not be).
/// </summary>
internal sealed class ReferenceCallers
{
    private const int Count = 2;
    private const int Keys = 3;

    private static long _handles = Environment.ProcessId * 1_000_000L;

    private readonly WorkerLog _log;
    private readonly string? _bug;
    private readonly IReferenceSet _set;
    private readonly ConcurrentDictionary<string, long> _tokens = new(StringComparer.Ordinal);
    private CancellationTokenSource _end = new();
    private Task _all = Task.CompletedTask;
    private string _round = "";
    private int _callbacks;

    public ReferenceCallers(SluiceEngine engine, WorkerLog log, string? bug)
    {
        (Engine, _log, _bug) = (engine, log, bug);
        _set = engine.References("things", (last, _) => CallbackAsync(last, 0), static options =>
        {
            (options.MaxAttempts, options.Backoff, options.MaxBackoff) = (1_000, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(20));
        });
    }

    public SluiceEngine Engine { get; }

    public void Begin(string round, Random random)
    {
        _round = round;
        _end = new CancellationTokenSource();
        int[] seeds = [.. Enumerable.Range(0, Count).Select(_ => random.Next())];
        _all = Task.WhenAll(seeds.Select(seed => Task.Run(() => RunAsync(new Random(seed)))));
    }

    /// <summary>Returns when everything is given back.</summary>
    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await _all;
        _end.Dispose();
    }

    /// <summary>Returns when nobody holds any of the round's keys any more, and no callback is owed.</summary>
    public async Task WhenQuietAsync()
    {
        for (int key = 0; key < Keys; key++)
        {
            while (true)
            {
                try
                {
                    ReferencedResource found = await _set.InspectAsync(NameOf(key));
                    if (found is { Count: 0, IsCallbackPending: false })
                        break;
                }
                catch (CoordinatorException)
                {
                    // A question is asked again.
                }

                await Task.Delay(20);
            }
        }
    }

    private string NameOf(int key) => string.Create(CultureInfo.InvariantCulture, $"{_round}:k{key}");

    private async Task RunAsync(Random random)
    {
        try
        {
            while (!_end.IsCancellationRequested)
                await TurnAsync(NameOf(random.Next(Keys)), random);
        }
        catch (Exception e)
        {
            _log.Say($"X {e.GetType().Name}:{e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private async Task TurnAsync(string key, Random random)
    {
        if (random.Next(4) == 0)
            await CountAsync(key);
        long handle = Interlocked.Increment(ref _handles);
        _log.Say(string.Create(CultureInfo.InvariantCulture, $"A {handle} {key} {Stopwatch.GetTimestamp()}"));
        Reference reference = await _set.AcquireAsync(key);
        _log.Say('H', handle, Stopwatch.GetTimestamp());
        using (reference.LostToken.Register(() => _log.Say('L', handle, Stopwatch.GetTimestamp())))
        {
            if (random.Next(4) == 0)
                await reference.MarkModifiedAsync();
            if (random.Next(2) == 0)
                await Task.Delay(random.Next(1, 8));
            bool bringsCallback = random.Next(2) == 0;
            _log.Say('R', handle, Stopwatch.GetTimestamp());
            DereferenceOutcome outcome = await reference.ReleaseAsync(bringsCallback ? (last, _) => CallbackAsync(last, handle) : null);
            _log.Say('O', handle, Stopwatch.GetTimestamp(), (long)outcome);
        }
    }

    private async Task CountAsync(string key)
    {
        long asked = Stopwatch.GetTimestamp();
        try
        {
            int count = await _set.CountAsync(key);
            _log.Say(string.Create(CultureInfo.InvariantCulture, $"N {key} {asked} {Stopwatch.GetTimestamp()} {count}"));
        }
        catch (CoordinatorException)
        {
            // No answer is no count.
        }
    }

    private async ValueTask CallbackAsync(LastRelease last, long handle)
    {
        int number = Interlocked.Increment(ref _callbacks);
        if (_bug == PlantedReferenceBug.Forgotten && number % 8 == 0)
            return;
        long token = _bug == PlantedReferenceBug.OldToken && number % 8 == 0 ? _tokens.GetValueOrDefault(last.Key) : last.FencingToken;
        _tokens[last.Key] = last.FencingToken;
        bool succeeds = number % 7 != 0;
        await BodyAsync(last, token, handle, succeeds, number);
        if (_bug == PlantedReferenceBug.Twice && number % 8 == 0)
            await BodyAsync(last, token, handle, succeeds, number);
        if (!succeeds)
            throw new InvalidOperationException("As planned.");
    }

    private async Task BodyAsync(LastRelease last, long token, long handle, bool succeeds, int number)
    {
        _log.Say(string.Create(CultureInfo.InvariantCulture, $"B {last.Key} {last.Generation} {token} {Stopwatch.GetTimestamp()} {handle}"));
        if (number % 3 == 0)
            await Task.Delay(2);
        else
            await Task.Yield();
        _log.Say(string.Create(CultureInfo.InvariantCulture, $"D {last.Key} {last.Generation} {token} {Stopwatch.GetTimestamp()} {(succeeds ? 1 : 0)}"));
    }
}
