namespace Sluice.Samples.NsqSession;

/// <summary>
/// One of the workers that consume the topic: merges each message into its user's session, and finishes a message when the coordinator has its event,
/// neither earlier nor later.
/// </summary>
public sealed class SessionWorker
{
    private readonly SluiceEngine _engine;
    private readonly Consumer _consumer;
    private readonly string _name;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Queue<(long Position, Delivery Delivery)> _inFlight = new();
    private EventSource _source;
    private long _position;
    private Task _consuming = Task.CompletedTask;

    private SessionWorker(string name, SluiceEngine engine, Aggregator<string, Session, Session.Event> sessions, Consumer consumer)
    {
        _name = name;
        _engine = engine;
        _consumer = consumer;
        Sessions = sessions;
        _source = OpenSource();
    }

    public Aggregator<string, Session, Session.Event> Sessions { get; }

    public static async Task<SessionWorker> StartAsync(string name, Broker broker, SessionStore store, EngineOptions options, int maxInFlight)
    {
        SluiceEngine engine = await SluiceEngine.StartAsync(options);
        Aggregator<string, Session, Session.Event> sessions = engine.Aggregate(Session.Definition, aggregate => aggregate.OnComplete = (completion, _) =>
        {
            store.Write(completion); // any worker's messages, and no message to finish: that was done long ago
            return ValueTask.CompletedTask;
        });
        SessionWorker worker = new(name, engine, sessions, broker.Connect(maxInFlight));
        worker._consuming = Task.Run(worker.ConsumeAsync);
        return worker;
    }

    /// <summary>Goes in order: takes no more messages, hands over and finishes those it has, ends its sessions, completes what it is the last to hold.</summary>
    public async Task<ShutdownReport> StopAsync()
    {
        await StopConsumingAsync();
        return await _engine.StopAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>As <see cref="StopAsync"/>, up to the messages.</summary>
    public async Task StopConsumingAsync()
    {
        await _stopping.CancelAsync();
        await _consuming;
        try
        {
            await FlushAndFinishAsync(CancellationToken.None);
        }
        catch (SourceFencedException)
        {
            // Away for too long, at the very end: the others get these messages.
        }

        _consumer.Disconnect();
    }

    /// <summary>Dies where it stands, as a process does: nothing is flushed, finished or said. The broker notices by the broken connection.</summary>
    internal async Task CrashAsync()
    {
        _stopping.Cancel();
        await _engine.AbandonAsync();
        await _consuming;
        _consumer.Disconnect();
    }

    private async Task ConsumeAsync()
    {
        CancellationToken stopping = _stopping.Token;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await ConsumeNextAsync(stopping);
            }
            catch (SourceFencedException)
            {
                // This worker was away for longer than its lease, and has been replaced. Its unflushed events were dropped (OnFenced.Discard): whoever
                // gets the messages now will count them.
                while (_inFlight.TryDequeue(out (long Position, Delivery Delivery) next))
                    next.Delivery.Requeue();
                _source = OpenSource();
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                // Stopping, or crashed.
            }
        }
    }

    private async Task ConsumeNextAsync(CancellationToken stopping)
    {
        if (_consumer.TryRead() is not { } delivery)
        {
            // The window is full, or nothing is there. Everything in flight is flushed at once and finished, which makes the broker give more: so many
            // messages cost one write per user. Without that line the window would wait for the flush interval each time it is full.
            if (_inFlight.Count != 0)
                await FlushAndFinishAsync(stopping);
            delivery = await _consumer.ReadAsync(stopping);
        }

        try
        {
            Message message = delivery.Message;
            await Sessions.MergeAsync(
                message.UserId,
                new Session.Event { Impressions = message.IsClick ? 0 : 1, Clicks = message.IsClick ? 1 : 0, LastMessages = message.Id },
                _source.At(_position + 1),
                stopping);
        }
        catch
        {
            delivery.Requeue(); // not merged, whatever the reason: somebody else will
            throw;
        }

        _inFlight.Enqueue((++_position, delivery));
    }

    private async Task FlushAndFinishAsync(CancellationToken cancellation)
    {
        await _engine.FlushAsync(cancellation);
        await _source.WaitForAsync(_position, cancellation);

        // Everything up to the watermark is with the coordinator: no crash of this process can lose it now, so the broker may forget it.
        while (_inFlight.TryPeek(out (long Position, Delivery Delivery) next) && next.Position <= _source.Watermark)
        {
            next.Delivery.Finish(); // false: it took too long, and somebody else counts the message too
            _inFlight.Dequeue();
        }
    }

    // Positions are this worker's own count of deliveries: a queue has no offsets.
    private EventSource OpenSource() => _engine.OpenSource(_name, AckMode.AfterFlush, OnFenced.Discard, start: _position + 1);
}
