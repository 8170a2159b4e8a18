using System.Diagnostics;
using System.Globalization;
using Sluice.Fuzz.Coverage;
using Sluice.Fuzz.Targets;

namespace Sluice.Fuzz.Engine;

/// <summary>
/// Coverage-guided fuzzing in one process: change an input, run it, keep it if it took an edge (or took one in another order of magnitude of times) that none took before.
/// The same seed, folders and build make the same executions in the same order.
/// </summary>
internal sealed class FuzzLoop
{
    private const int ChangesPerPick = 64;
    private const int ThoroughOneIn = 64;
    private const int TrimExecutions = 1500;
    private static readonly TimeSpan StatusEvery = TimeSpan.FromSeconds(15);

    private readonly FuzzTarget _target;
    private readonly FuzzOptions _options;
    private readonly TextWriter _log;
    private readonly Chance _chance;
    private readonly Mutator _mutator;
    private readonly Corpus _corpus = new();
    private readonly SeenEdges _seen = new();
    private readonly Findings _findings;
    private readonly CurrentInput _current;
    private readonly Watchdog _watchdog = new();
    private readonly List<int> _taken = new(4096);
    private readonly Stopwatch _elapsed = Stopwatch.StartNew();
    private readonly string _kept;
    private readonly StreamWriter _progress;
    private ulong _lastHash;
    private TimeSpan _nextStatus;

    public FuzzLoop(FuzzTarget target, FuzzOptions options, TextWriter log)
    {
        _target = target;
        _options = options;
        _log = log;
        _chance = new Chance(options.Seed);
        _mutator = new Mutator(_chance, options.MaxLength);
        string work = Path.Combine(options.Work, target.Name);
        _kept = Path.Combine(work, "corpus");
        Directory.CreateDirectory(_kept);
        _findings = new Findings(Path.Combine(options.Work, "findings"), target.Name);
        _current = new CurrentInput(CurrentInput.In(options.Work, target.Name), FuzzTarget.MaxInput);
        _progress = new StreamWriter(Path.Combine(work, "progress.csv"), append: false);
        _progress.WriteLine("seconds,executions,inputs,edges,features,findings");
    }

    public long Executions { get; private set; }

    /// <returns>How many different things were found.</returns>
    public int Run()
    {
        _watchdog.Start();
        foreach (byte[] seed in ReadSeeds())
            Try(seed, isSeed: true);
        if (_corpus.Count == 0)
            Try([], isSeed: true);
        if (EdgeMap.Blocks == 0)
            throw new InvalidOperationException("The code under test reports no blocks: it is not the instrumented assembly that runs.");
        _log.WriteLine($"{_target.Name}: begins with {_corpus.Count} inputs, {_seen.Edges} edges, {_seen.Features} features; seed {_options.Seed}");
        ReportIfDue(force: true);
        while (!IsOver())
        {
            byte[] parent = _corpus.Pick(_chance);
            for (int i = 0; i < ChangesPerPick && !IsOver(); i++)
                Try(_mutator.Change(parent, _corpus), isSeed: false);
            ReportIfDue(force: false);
        }

        ReportIfDue(force: true);
        _watchdog.Stop();
        _current.Dispose();
        _progress.Dispose();
        return _findings.Count;
    }

    private bool IsOver() =>
        Executions >= _options.Executions || _elapsed.Elapsed.TotalSeconds >= _options.Seconds || (_options.StopsAtFinding && _findings.Count > 0);

    // Smaller ones first: what a larger one adds is then known.
    private IEnumerable<byte[]> ReadSeeds() => _options.Seeds.Append(_kept).Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder)).Select(File.ReadAllBytes).Where(bytes => bytes.Length <= _options.MaxLength)
        .OrderBy(bytes => bytes.Length).ThenBy(Convert.ToHexString, StringComparer.Ordinal);

    private void Try(ReadOnlySpan<byte> input, bool isSeed)
    {
        if (Execute(input, thorough: false) is { } failure)
        {
            Found(failure, input, thorough: false);
            return;
        }

        bool isNew = _seen.Add(EdgeMap.Counters, _taken);
        if (isNew)
        {
            byte[] kept = isSeed ? input.ToArray() : Trim(input.ToArray());
            _corpus.Add(kept, _taken);
            if (!isSeed)
                File.WriteAllBytes(Path.Combine(_kept, Findings.Hash(kept)), kept);
        }

        if ((isNew || Executions % ThoroughOneIn == 0) && Execute(input, thorough: true) is { } thoroughFailure)
            Found(thoroughFailure, input, thorough: true);
    }

    // Afterwards the counters hold the buckets of this execution, _taken its edges.
    private Exception? Execute(ReadOnlySpan<byte> input, bool thorough)
    {
        Executions++;
        _current.Begin(input);
        _watchdog.Beat(Executions);
        EdgeMap.Clear();
        Exception? failure = null;
        try
        {
            _target.Run(input, thorough);
        }
        catch (Exception e)
        {
            // Whatever it is, it is a finding: targets swallow what they may throw.
            failure = e;
        }

        _current.End();
        _lastHash = SeenEdges.Classify(EdgeMap.Counters, _taken);
        return failure;
    }

    // Takes out what does not change which edges are taken.
    private byte[] Trim(byte[] input)
    {
        ulong hash = _lastHash;
        byte[] best = Shrink.Bytes(input, TrimExecutions, smaller => Execute(smaller, thorough: false) is null && _lastHash == hash);
        Execute(best, thorough: false);
        return best;
    }

    private void Found(Exception failure, ReadOnlySpan<byte> input, bool thorough)
    {
        if (_findings.IsKnown(failure))
            return;
        string key = Findings.Key(failure);
        byte[] smallest = Shrink.Bytes(input.ToArray(), 20_000, smaller => Execute(smaller, thorough) is { } other && Findings.Key(other) == key);
        Exception story = Execute(smallest, thorough) ?? failure;
        string path = _findings.Add(story, smallest);
        _log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"FINDING after {_elapsed.Elapsed.TotalSeconds:F1} s, {Executions} executions: {key}\n  {path}"));
        ReportIfDue(force: true);
    }

    private void ReportIfDue(bool force)
    {
        TimeSpan now = _elapsed.Elapsed;
        if (!force && now < _nextStatus)
            return;
        _nextStatus = now + StatusEvery;
        double seconds = now.TotalSeconds;
        _progress.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds:F1},{Executions},{_corpus.Count},{_seen.Edges},{_seen.Features},{_findings.Count}"));
        _log.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{_target.Name} {seconds,7:F1} s {Executions,11:N0} executions {Executions / seconds,8:N0}/s  {_corpus.Count,5} inputs {_seen.Edges,5} edges {_seen.Features,6} features {_findings.Count,3} findings"));
    }
}
