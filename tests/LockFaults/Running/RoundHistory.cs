using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Sluice.Harness.Linearizability;

namespace Sluice.LockFaults;

/// <summary>What the workers said in one round. All moments are of the machine's monotonic clock.</summary>
/// <remarks>Lines may come from several workers at once.</remarks>
internal sealed class RoundHistory
{
    /// <summary>How many leases the semaphores have.</summary>
    public const int Permits = 2;

    /// <summary>The outcome of a release that nobody knows.</summary>
    private const int Unknown = 2;

    private readonly ConcurrentDictionary<long, Hold> _holds = new();
    private long _writes;
    private long _refused;

    /// <summary>Acquisitions that were granted.</summary>
    public int Granted => _holds.Values.Count(static hold => hold.Granted is not null);

    /// <summary>The locks that were asked for.</summary>
    public IEnumerable<string> Locks => _holds.Values.Select(static hold => hold.Lock).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    /// <summary>Acquisitions that were granted after a moment.</summary>
    public int GrantedAfter(long moment) => _holds.Values.Count(hold => hold.Granted > moment);

    /// <summary>Writes that went to both sinks.</summary>
    public long Writes => Volatile.Read(ref _writes);

    /// <summary>Those that the fenced one refused.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Takes a worker's line.</summary>
    public void Add(int worker, string line)
    {
        string[] words = line.Split(' ');
        if (words[0] == "S")
        {
            Interlocked.Add(ref _writes, Number(words[1]));
            Interlocked.Add(ref _refused, Number(words[2]));
            return;
        }

        long handle = Number(words[1]);
        if (words[0] == "C")
        {
            _holds[handle] = new Hold(handle, worker, words[2], Kind(words[3]), Number(words[4]));
            return;
        }

        Hold hold = _holds[handle];
        switch (words[0])
        {
            case "G":
                (hold.Granted, hold.Token) = (Number(words[2]), Number(words[3]));
                break;
            case "N":
                hold.Refused = Number(words[2]);
                break;
            case "Q":
                break;
            case "H":
                hold.Looked = Number(words[2]);
                break;
            case "L":
                hold.ToldLost = Number(words[2]);
                break;
            case "E":
                (hold.Looked, hold.Ended, hold.Outcome) = (Number(words[2]), Number(words[3]), (int)Number(words[4]));
                break;
            default:
                throw new FormatException($"A worker said '{line}'.");
        }
    }

    /// <summary>
    /// The history that the search judges: every acquisition, and the end of every hold, which took effect at some moment between the last look that said "held" and the return of the release. Of
    /// an answer that did not come, and of a release whose fate is unknown, the effect is at any later moment; of a worker that was killed, at any after its last look.
    /// </summary>
    public IReadOnlyList<Operation<LockInput, LockOutput>> Operations()
    {
        List<Operation<LockInput, LockOutput>> operations = [];
        foreach (Hold hold in _holds.Values)
        {
            bool isKnown = hold.Granted is not null || hold.Refused is not null;
            operations.Add(new Operation<LockInput, LockOutput>(
                hold.Lock, hold.Worker, new LockInput(hold.Kind, hold.Handle), new LockOutput(hold.Granted is not null, hold.Token), hold.Asked, hold.Granted ?? hold.Refused ?? long.MaxValue));
            if (hold.Granted is not null || !isKnown)
            {
                bool hasEnded = hold.Ended is not null && hold.Outcome != Unknown;
                operations.Add(new Operation<LockInput, LockOutput>(
                    hold.Lock, hold.Worker, new LockInput(LockOperationKind.End, hold.Handle), default, hold.Looked ?? hold.Granted ?? hold.Asked, hasEnded ? hold.Ended!.Value : long.MaxValue));
            }
        }

        return operations;
    }

    /// <summary>Whether the locks did what locks do; of a semaphore its permits.</summary>
    public LinearizabilityResult Check()
    {
        IReadOnlyList<Operation<LockInput, LockOutput>> operations = Operations();
        LinearizabilityResult result = LinearizabilityChecker.Check(new LockModel(refusesOnlyWhenHeld: false), operations.Where(static operation => !IsSemaphore(operation.Key)));
        return result.IsLinearizable
            ? LinearizabilityChecker.Check(new LockModel(permits: Permits, refusesOnlyWhenHeld: false), operations.Where(static operation => IsSemaphore(operation.Key)))
            : result;
    }

    /// <summary>
    /// Holds that began while others that exclude it certainly held: from the return of the acquisition until the last look that said "held", or the beginning of the release. A hold that was lost before
    /// anybody looked, because its process slept while it was granted, was none.
    /// </summary>
    public int Overlaps()
    {
        int overlaps = 0;
        foreach (IGrouping<string, Hold> ofOne in _holds.Values.Where(static hold => hold.Looked >= hold.Granted).GroupBy(static hold => hold.Lock, StringComparer.Ordinal))
        {
            List<Hold> open = [];
            foreach (Hold hold in ofOne.OrderBy(static hold => hold.Granted))
            {
                open.RemoveAll(other => other.Looked < hold.Granted);
                int excluding = open.Count(other => hold.Kind != LockOperationKind.AcquireShared || other.Kind != LockOperationKind.AcquireShared);
                if (excluding > (hold.Kind == LockOperationKind.AcquirePermit ? Permits - 1 : 0))
                    overlaps++;
                open.Add(hold);
            }
        }

        return overlaps;
    }

    /// <summary>
    /// Of every exclusive hold whose worker was told that it is lost: how long before the lock was given to the next. Its token is the server's time at that moment, in microseconds since 1970.
    /// </summary>
    /// <param name="clocks">What ties the two clocks of the machine together.</param>
    public IEnumerable<(int Worker, TimeSpan Lead)> Leads(ClockPair clocks)
    {
        foreach (IGrouping<string, Hold> ofOne in _holds.Values.Where(static hold => hold is { Granted: not null, Kind: LockOperationKind.AcquireExclusive }).GroupBy(static hold => hold.Lock, StringComparer.Ordinal))
        {
            Hold[] inOrder = [.. ofOne.OrderBy(static hold => hold.Token)];
            for (int i = 0; i + 1 < inOrder.Length; i++)
            {
                if (inOrder[i].ToldLost is { } told)
                    yield return (inOrder[i].Worker, TimeSpan.FromMicroseconds(inOrder[i + 1].Token) - clocks.SinceEpoch(told));
            }
        }
    }

    /// <summary>How a name ends says what kind of lock it is.</summary>
    public static bool IsSemaphore(string name) => name.EndsWith("semaphore", StringComparison.Ordinal);

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);

    private static LockOperationKind Kind(string word) => word switch
    {
        "X" => LockOperationKind.AcquireExclusive,
        "S" => LockOperationKind.AcquireShared,
        _ => LockOperationKind.AcquirePermit,
    };

    private sealed class Hold(long handle, int worker, string name, LockOperationKind kind, long asked)
    {
        public long Handle => handle;

        public int Worker => worker;

        public string Lock => name;

        public LockOperationKind Kind => kind;

        public long Asked => asked;

        public long? Granted { get; set; }

        public long? Refused { get; set; }

        public long Token { get; set; }

        public long? ToldLost { get; set; }

        public long? Looked { get; set; }

        public long? Ended { get; set; }

        public int Outcome { get; set; }
    }
}

/// <summary>The machine's two clocks, read together.</summary>
internal readonly record struct ClockPair(long Ticks, TimeSpan Wall)
{
    /// <summary>Reads them; of several readings the one that took least.</summary>
    public static ClockPair Read()
    {
        (long Width, ClockPair Pair) best = (long.MaxValue, default);
        for (int i = 0; i < 16; i++)
        {
            long before = Stopwatch.GetTimestamp();
            TimeSpan wall = DateTime.UtcNow - DateTime.UnixEpoch;
            long after = Stopwatch.GetTimestamp();
            if (after - before < best.Width)
                best = (after - before, new ClockPair(before + ((after - before) / 2), wall));
        }

        return best.Pair;
    }

    /// <summary>A moment of the monotonic clock on the other one.</summary>
    public TimeSpan SinceEpoch(long ticks) => Wall + TimeSpan.FromSeconds((ticks - Ticks) / (double)Stopwatch.Frequency);
}
