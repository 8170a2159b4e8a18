using System.Diagnostics;
using System.Globalization;
using Sluice.Harness.Linearizability;

namespace Sluice.LockFaults;

/// <summary>What the workers said of their references in one round. All moments are of the machine's monotonic clock.</summary>
/// <remarks>
/// A reference is certain from the moment its process was answered until it lets go, unless the process was killed, stood still, or was told of a loss. Then the coordinator may have taken it back at
/// some moment, and so it may have others of the same process and resource that overlap with it: one membership stands for them all.
/// </remarks>
internal sealed class ReferenceHistory
{
    /// <summary>What a process had in its hands when it stood still it has worked off within this.</summary>
    private static readonly long Grace = Stopwatch.Frequency * 2;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Held> _handles = [];
    private readonly List<Callback> _callbacks = [];
    private readonly List<Operation<ReferenceLifeInput, ReferenceLifeOutput>> _counts = [];
    private readonly List<(int Worker, long From, long To)> _standstills = [];
    private readonly List<string> _errors = [];
    private long _quiet = long.MaxValue;

    /// <summary>References that were taken.</summary>
    public int Taken => TakenAfter(0);

    /// <summary>References that were taken after a moment.</summary>
    public int TakenAfter(long moment)
    {
        lock (_gate)
            return _handles.Values.Count(held => held.Granted > moment);
    }

    /// <summary>Generations whose callback has begun.</summary>
    public int Generations => _callbacks.Select(static callback => (callback.Key, callback.Generation)).Distinct().Count();

    /// <summary>Callbacks that began.</summary>
    public int Callbacks => _callbacks.Count;

    /// <summary>References that were told that they were lost, or that had been when they were given back.</summary>
    public int Lost => _handles.Values.Count(static held => held.IsLost);

    /// <summary>Errors that must not be.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Takes a worker's line.</summary>
    public void Add(int worker, string line)
    {
        lock (_gate)
            Take(worker, line.Split(' '), line);
    }

    /// <summary>The worker could not run, or could not be heard.</summary>
    public void StandStill(int worker, long from, long to)
    {
        lock (_gate)
            _standstills.Add((worker, from, to));
    }

    /// <summary>Somebody saw, between then and now, that nobody holds anything and no callback is owed.</summary>
    public void Quiet(long at) => _quiet = at;

    /// <summary>Whether it could have happened one after the other.</summary>
    public LinearizabilityResult Check() => LinearizabilityChecker.Check(new ReferenceLifeModel(), Operations());

    /// <summary>The history, as the model has it.</summary>
    public IReadOnlyList<Operation<ReferenceLifeInput, ReferenceLifeOutput>> Operations()
    {
        List<Operation<ReferenceLifeInput, ReferenceLifeOutput>> operations = [.. _counts];
        HashSet<Held> doubtful = Doubtful();
        foreach (Held held in _handles.Values)
            AddHandle(operations, held, doubtful.Contains(held));
        foreach (IGrouping<string, Callback> ofOne in _callbacks.GroupBy(static callback => callback.Key, StringComparer.Ordinal))
            AddCallbacks(operations, ofOne.Key, [.. ofOne]);
        if (_quiet != long.MaxValue)
        {
            foreach (string key in _handles.Values.Select(static held => held.Key).Distinct(StringComparer.Ordinal))
                operations.Add(new(key, -1, new ReferenceLifeInput(ReferenceLifeKind.Quiet, 0), default, _quiet, _quiet));
        }

        return operations;
    }

    private void AddHandle(List<Operation<ReferenceLifeInput, ReferenceLifeOutput>> operations, Held held, bool isDoubtful)
    {
        ReferenceLifeInput Input(ReferenceLifeKind kind) => new(kind, held.Handle, held.Worker, IsDoubtful: isDoubtful);
        operations.Add(new(held.Key, held.Worker, Input(ReferenceLifeKind.Acquire), default, held.Asked, held.Granted ?? long.MaxValue));
        if (held.Ended is null)
        {
            // Its process is gone. If somebody has seen that nobody holds the resource any more, it was taken back before that.
            if (held.LetsGo is { } letsGo)
                operations.Add(new(held.Key, held.Worker, Input(ReferenceLifeKind.Release), default, letsGo, long.MaxValue));
            operations.Add(new(held.Key, held.Worker, Input(ReferenceLifeKind.Lose), default, held.Asked, _quiet));
            return;
        }

        operations.Add(new(held.Key, held.Worker, Input(ReferenceLifeKind.Release), new ReferenceLifeOutput(held.Outcome), held.LetsGo!.Value, held.Ended.Value));
        if (!isDoubtful)
            return;
        long known = held.ToldLost ?? (held.Outcome == DereferenceOutcome.NotHeld ? held.Ended.Value : long.MaxValue);
        operations.Add(new(held.Key, held.Worker, Input(ReferenceLifeKind.Lose), default, held.Asked, known));
        operations.Add(new(held.Key, held.Worker, Input(ReferenceLifeKind.Retake), default, held.Asked, long.MaxValue));
    }

    private HashSet<Held> Doubtful()
    {
        HashSet<Held> doubtful = [.. _handles.Values.Where(held => held.IsLost || _standstills.Any(still => still.Worker == held.Worker && held.Asked <= still.To && !(held.Ended < still.From)))];
        Queue<Held> open = new(doubtful);
        ILookup<(int, string), Held> neighbours = _handles.Values.ToLookup(static held => (held.Worker, held.Key));
        while (open.TryDequeue(out Held? held))
        {
            foreach (Held other in neighbours[(held.Worker, held.Key)])
            {
                if (other.Asked <= Math.Min(held.Ended ?? long.MaxValue, held.ToldLost ?? long.MaxValue) && !(other.Ended < held.Asked) && doubtful.Add(other))
                    open.Enqueue(other);
            }
        }

        return doubtful;
    }

    private void AddCallbacks(List<Operation<ReferenceLifeInput, ReferenceLifeOutput>> operations, string key, Callback[] callbacks)
    {
        foreach (Callback callback in callbacks)
        {
            // Who stood still with a claim in its hands may run it when somebody else has it: no lease prevents that, only its token does.
            bool isDoubtful = _standstills.Any(still => still.Worker == callback.Worker && callback.Began <= still.To + Grace && !(callback.Ended < still.From));
            ReferenceLifeInput Input(ReferenceLifeKind kind) => new(kind, 0, callback.Worker, callback.Generation, callback.Token, isDoubtful);
            operations.Add(new(key, callback.Worker, Input(ReferenceLifeKind.Enter), default, callback.Began, isDoubtful ? long.MaxValue : callback.Began));
            if (!isDoubtful)
                operations.Add(new(key, callback.Worker, Input(ReferenceLifeKind.Leave), default, callback.Ended ?? callback.Began, callback.Ended ?? _quiet));
        }

        // When the coordinator knew of a success nobody saw: after it, and before whatever can only follow it.
        foreach (IGrouping<long, Callback> attempts in callbacks.GroupBy(static callback => callback.Generation))
        {
            if (!attempts.Any(static attempt => attempt.Succeeded))
                continue;
            long succeeded = attempts.Where(static attempt => attempt.Succeeded).Min(static attempt => attempt.Ended!.Value);
            long next = callbacks.Where(other => other.Generation > attempts.Key && other.Began > succeeded).Select(static other => other.Began).DefaultIfEmpty(_quiet).Min();
            long released = attempts.Select(attempt => _handles.GetValueOrDefault(attempt.Handle)).Where(static held => held?.Outcome == DereferenceOutcome.LastOut).Select(static held => held!.Ended!.Value).DefaultIfEmpty(_quiet).Min();
            operations.Add(new(key, -1, new ReferenceLifeInput(ReferenceLifeKind.Complete, 0, Generation: attempts.Key), default, succeeded, Math.Min(Math.Min(next, released), _quiet)));
        }
    }

    private void Take(int worker, string[] words, string line)
    {
        switch (words[0])
        {
            case "A":
                _handles.Add(Number(words[1]), new Held(Number(words[1]), worker, words[2], Number(words[3])));
                break;
            case "H":
                _handles[Number(words[1])].Granted = Number(words[2]);
                break;
            case "L":
                _handles[Number(words[1])].ToldLost = Number(words[2]);
                break;
            case "R":
                _handles[Number(words[1])].LetsGo = Number(words[2]);
                break;
            case "O":
                (_handles[Number(words[1])].Ended, _handles[Number(words[1])].Outcome) = (Number(words[2]), (DereferenceOutcome)Number(words[3]));
                break;
            case "N":
                _counts.Add(new(words[1], worker, new ReferenceLifeInput(ReferenceLifeKind.Count, 0, worker), new ReferenceLifeOutput(default, Number(words[4])), Number(words[2]), Number(words[3])));
                break;
            case "B":
                _callbacks.Add(new Callback(worker, words[1], Number(words[2]), Number(words[3]), Number(words[4]), Number(words[5])));
                break;
            case "D":
                Callback ended = _callbacks.Last(callback => callback.Worker == worker && callback.Key == words[1] && callback.Generation == Number(words[2]) && callback.Token == Number(words[3]));
                (ended.Ended, ended.Succeeded) = (Number(words[4]), words[5] == "1");
                break;
            case "Z":
                _standstills.Add((worker, Number(words[1]), Number(words[2])));
                break;
            case "X":
                _errors.Add(line[2..]);
                break;
            default:
                throw new FormatException($"A worker said '{line}'.");
        }
    }

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);

    private sealed class Held(long handle, int worker, string key, long asked)
    {
        public long Handle => handle;

        public int Worker => worker;

        public string Key => key;

        public long Asked => asked;

        public long? Granted { get; set; }

        public long? ToldLost { get; set; }

        public long? LetsGo { get; set; }

        public long? Ended { get; set; }

        public DereferenceOutcome Outcome { get; set; }

        public bool IsLost => ToldLost is not null || (Ended is not null && Outcome == DereferenceOutcome.NotHeld);
    }

    private sealed class Callback(int worker, string key, long generation, long token, long began, long handle)
    {
        public int Worker => worker;

        public string Key => key;

        public long Generation => generation;

        public long Token => token;

        public long Began => began;

        public long Handle => handle;

        public long? Ended { get; set; }

        public bool Succeeded { get; set; }
    }
}
