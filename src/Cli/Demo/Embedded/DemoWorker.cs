using System.Diagnostics;
using Sluice.Coordination;

namespace Sluice.Cli.Demo.Embedded;

/// <summary>What a worker is doing.</summary>
internal enum WorkerState
{
    Running,
    Paused,
    Killed,
}

/// <summary>One worker: an engine of its own, a thread that merges clicks at a steady rate, and a broker that forgets what the engine's watermark passes.</summary>
internal sealed class DemoWorker : IAsyncDisposable
{
    private readonly WorkerLink _link;
    private readonly SluiceEngine _engine;
    private readonly Aggregator<string, Click, Click.Event> _clicks;
    private readonly EventSource _source;
    private readonly ClickStream _stream;
    private readonly int _rate;
    private readonly Thread _thread;
    private readonly Unacknowledged _unacknowledged = new();
    private (int Page, int Bytes)? _refused;
    private readonly ManualResetEventSlim _mayRun = new(initialState: true);
    private volatile bool _isOver;
    private volatile WorkerState _state;
    private long _merged;
    private int _waiting;

    private DemoWorker(int number, WorkerLink link, SluiceEngine engine, DemoSink sink, ulong seed, int rate)
    {
        Number = number;
        _link = link;
        _engine = engine;
        _clicks = engine.Aggregate(Click.Definition, options =>
        {
            options.OnCompleteBatch = sink.WriteAsync;
            options.MaxCompletionAttempts = 1_000;
            options.MaxCompletionBackoff = TimeSpan.FromSeconds(1);
        });
        _source = engine.OpenSource($"clicks-{number}");
        _stream = new ClickStream(seed + (ulong)number);
        _rate = rate;
        _thread = new Thread(Work) { IsBackground = true, Name = $"demo worker {number}" };
        _thread.Start();
    }

    public int Number { get; }

    public WorkerState State => _state;

    public long Merged => Volatile.Read(ref _merged);

    /// <summary>Events that are merged and that the broker still has.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    public long Writes => _clicks.Writes;

    public IEnumerable<IncarnationId> Incarnations => _link.Incarnations;

    /// <summary>What the broker still has. Read it when the worker is killed or finished.</summary>
    public Unacknowledged Ledger => _unacknowledged;

    public static async Task<DemoWorker> StartAsync(int number, DemoServer server, Mishaps mishaps, DemoSink sink, DemoTerms terms)
    {
        WorkerLink link = new(server, mishaps);
        SluiceEngine engine = await SluiceEngine.StartAsync(new EngineOptions
        {
            Coordinator = link,
            Prefix = server.Space.Prefix,
            Partitions = server.Space.Partitions,
            SoftSession = TimeSpan.FromSeconds(1),
            HardSession = TimeSpan.FromSeconds(2),
            FlushInterval = TimeSpan.FromMilliseconds(400),
            LeaseDuration = terms.Lease,
            ClaimLease = terms.Lease,
            SweepInterval = terms.Lease / 4,
            RequestTimeout = TimeSpan.FromSeconds(1),
            DurabilityWindow = DemoServer.Memory * 2,
            OpenLimit = ClickStream.Pages * 2,
        }).ConfigureAwait(false);
        return new DemoWorker(number, link, engine, sink, (ulong)terms.Seed * 1_000, terms.RatePerWorker);
    }

    /// <summary>Ends it as <c>kill -9</c> does: no goodbye, nothing more gets out, and what it had not handed over is gone.</summary>
    public async Task KillAsync()
    {
        _link.Cut();
        _state = WorkerState.Killed;
        Finish();
        await _engine.AbandonAsync().ConfigureAwait(false);
        _unacknowledged.AcknowledgeTo(_source.Watermark);
        _waiting = _unacknowledged.Count;
    }

    /// <summary>Stops it as <c>kill -STOP</c> does.</summary>
    public void Pause()
    {
        _state = WorkerState.Paused;
        _mayRun.Reset();
        _link.Hold();
    }

    public void Resume()
    {
        _link.Release();
        _state = WorkerState.Running;
        _mayRun.Set();
    }

    /// <summary>Takes no more events, and waits until the server has all of them and every session of the worker has ended.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        Finish();
        _source.Advance(_unacknowledged.Next - 1);
        await _clicks.FlushAsync(cancellation).ConfigureAwait(false);
        await _source.WaitForAsync(_unacknowledged.Next - 1, cancellation).ConfigureAwait(false);
        _unacknowledged.AcknowledgeTo(_source.Watermark);
        _waiting = _unacknowledged.Count;
        await _clicks.ExpireAllAsync(cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        Finish();
        await _engine.DisposeAsync().ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
        _mayRun.Dispose();
    }

    private void Finish()
    {
        _isOver = true;
        _mayRun.Set();
        _thread.Join();
    }

    private void Work()
    {
        long began = Stopwatch.GetTimestamp();
        long behind = 0;
        while (!_isOver)
        {
            if (!_mayRun.IsSet)
            {
                // Who was stopped does not catch up.
                long stopped = Stopwatch.GetTimestamp();
                _mayRun.Wait();
                began += Stopwatch.GetTimestamp() - stopped;
            }

            long due = (long)(Stopwatch.GetElapsedTime(began).TotalSeconds * _rate) - behind;
            if (due - _unacknowledged.Next > _rate / 10)
            {
                // Nor does a machine that is too slow for the rate.
                behind += due - _unacknowledged.Next;
                due = _unacknowledged.Next;
            }

            while (_unacknowledged.Next < due && !_isOver && _mayRun.IsSet && TryMergeOne())
            {
            }

            _unacknowledged.AcknowledgeTo(_source.Watermark);
            Volatile.Write(ref _waiting, _unacknowledged.Count);
            Volatile.Write(ref _merged, _unacknowledged.Next);
            Thread.Sleep(1);
        }
    }

    private bool TryMergeOne()
    {
        (int page, int bytes) = _refused ?? _stream.Next();
        Click.Event click = new() { Hits = 1, Bytes = bytes };
        bool isMerged = _clicks.TryMerge(ClickStream.NameOf(page), in click, _source.At(_unacknowledged.Next));
        if (isMerged)
            _unacknowledged.Add(page, bytes);

        // No room at the moment: the same click again, later.
        _refused = isMerged ? null : (page, bytes);
        return isMerged;
    }
}
