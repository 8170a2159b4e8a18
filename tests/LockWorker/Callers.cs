using System.Diagnostics;
using System.Globalization;
using Sluice.Resp;

namespace Sluice.LockWorker;

/// <summary>
/// What runs in a round: four callers, which take mutexes, a semaphore and a reader-writer lock in any order, and one that keeps a mutex for as long as it may. What they say is, by its first letter, with moments in ticks of the machine's monotonic clock:
/// C handle lock kind moment (asks) · G handle moment token (has it) · N handle moment (does not) · Q handle moment (does not know) · H handle moment (looked, and has it) ·
/// L handle moment (was told that it is lost) · E handle looked moment outcome (lets go; <c>looked</c> is before the last look that said "held", or when it asked) · S writes refused (the two sinks, at the end).
/// </summary>
internal sealed class Callers
{
    private const int Count = 4;

    // Tells how many writes came from holders whose successor had written: what an unfenced sink takes.
    private static readonly Script Unfenced = new(
        """
        local last, token = redis.call('GET', KEYS[1]), ARGV[1]
        if last and (#last > #token or (#last == #token and last > token)) then
          redis.call('INCR', KEYS[2])
        else
          redis.call('SET', KEYS[1], token)
        end
        return 1
        """,
        "unfenced");

    private static readonly FencedScript Fenced = new("return redis.call('RPUSH', KEYS[1], ARGV[1])", "fenced");

    /// <summary>Longer than any fault lasts.</summary>
    private static readonly TimeSpan LongHold = TimeSpan.FromSeconds(20);

    private static long _handles = Environment.ProcessId * 1_000_000L;

    private readonly ILockService _locks;
    private readonly RespClient _sink;
    private readonly WorkerLog _log;
    private readonly string _round;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _all;
    private long _writes;
    private long _refused;

    public Callers(ILockService locks, RespClient sink, WorkerLog log, string round, ulong seed)
    {
        (_locks, _sink, _log, _round) = (locks, sink, log, round);
        _all = Task.WhenAll(Enumerable.Range(0, Count + 1).Select(caller => Task.Run(() => RunAsync(new Random(unchecked((int)seed + caller)), keeps: caller == Count))));
    }

    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await _all;
        _end.Dispose();
        _log.Say('S', _writes, _refused);
    }

    private async Task RunAsync(Random random, bool keeps)
    {
        while (!_end.IsCancellationRequested)
        {
            long handle = Interlocked.Increment(ref _handles);
            TimeSpan wait = random.Next(3) switch { 0 => TimeSpan.Zero, 1 => TimeSpan.FromMilliseconds(50), _ => TimeSpan.FromSeconds(5) };
            (string name, char kind, Func<ValueTask<LockHandle?>> acquire) = keeps ? Keep(random) : Choose(random, wait);
            long asked = Stopwatch.GetTimestamp();
            _log.Say(string.Create(CultureInfo.InvariantCulture, $"C {handle} {name} {kind} {asked}"));
            LockHandle? held = null;
            try
            {
                held = await acquire();
                if (held is null)
                    _log.Say('N', handle, Stopwatch.GetTimestamp());
                else
                    _log.Say('G', handle, Stopwatch.GetTimestamp(), held.FencingToken);
            }
            catch (OperationCanceledException)
            {
                _log.Say('N', handle, Stopwatch.GetTimestamp());
            }
            catch (Exception fault) when (fault is CoordinatorException or RespException or TimeoutException)
            {
                _log.Say('Q', handle, Stopwatch.GetTimestamp());
            }

            if (held is not null)
                await HoldAsync(handle, held, name, kind, asked, keeps ? LongHold : null, random);
        }
    }

    private (string Name, char Kind, Func<ValueTask<LockHandle?>> Acquire) Keep(Random random)
    {
        string name = $"{_round}:kept{random.Next(2)}";
        return (name, 'X', () => _locks.Mutex(name).TryAcquireAsync(TimeSpan.FromSeconds(5), _end.Token));
    }

    private (string Name, char Kind, Func<ValueTask<LockHandle?>> Acquire) Choose(Random random, TimeSpan wait)
    {
        int which = random.Next(8);
        string name = $"{_round}:{(which < 5 ? $"mutex{which % 2}" : which == 5 ? "semaphore" : "paths")}";
        return which switch
        {
            < 5 => (name, 'X', () => _locks.Mutex(name).TryAcquireAsync(wait, _end.Token)),
            5 => (name, 'P', () => _locks.Semaphore(name, 2).TryAcquireAsync(wait, _end.Token)),
            6 => (name, 'S', async () => await _locks.ReaderWriterLock(name).TryAcquireAsync(LockAccess.Read, wait, _end.Token)),
            _ => (name, 'X', async () => await _locks.ReaderWriterLock(name).TryAcquireAsync(LockAccess.Write, wait, _end.Token)),
        };
    }

    private async Task HoldAsync(long handle, LockHandle held, string name, char kind, long asked, TimeSpan? keeps, Random random)
    {
        using CancellationTokenRegistration told = held.LostToken.Register(() => _log.Say('L', handle, Stopwatch.GetTimestamp()));
        long looked = asked, began = Stopwatch.GetTimestamp();
        int turns = random.Next(1, 16);
        for (int turn = 0; keeps is { } span ? Stopwatch.GetElapsedTime(began) < span && !_end.IsCancellationRequested : turn < turns; turn++)
        {
            long before = Stopwatch.GetTimestamp();
            if (!held.IsHeld)
                break;
            looked = before;

            // Who is killed says nothing more: what it held is known until here.
            _log.Say('H', handle, looked);
            if (kind == 'X')
                await WriteAsync(name, held.FencingToken);
            else
                await Task.Yield();
            if (keeps is not null)
                await Task.Delay(1);
        }

        long letsGo = Stopwatch.GetTimestamp();
        ReleaseOutcome outcome = await held.ReleaseAsync();
        _log.Say('E', handle, outcome == ReleaseOutcome.Released ? letsGo : looked, Stopwatch.GetTimestamp(), (long)outcome);
    }

    // Without the handle's LostToken, on purpose: a write that is on its way is what a sink has to judge.
    private async Task WriteAsync(string name, long token)
    {
        Interlocked.Increment(ref _writes);
        string text = token.ToString(CultureInfo.InvariantCulture);
        await _sink.Command(Unfenced, 2).Key($"unfenced:{name}").Key("stale").Write(text).ExecuteAsync();
        if (!await Fenced.TryRunAsync(_sink, $"fence:{name}", token, [$"fenced:{name}"], [text]))
            Interlocked.Increment(ref _refused);
    }
}
