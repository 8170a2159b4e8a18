namespace Sluice.Samples.NsqSession;

/// <summary>
/// A message queue in memory that keeps the promise of the real ones: at least once. A message that was delivered stays in flight until it is finished;
/// if it is given back, its time is up, or its consumer's connection breaks, somebody gets it again.
/// </summary>
public sealed class Broker(TimeSpan messageTimeout, TimeProvider? time = null)
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Queue<Message> _ready = new();
    private readonly List<Message> _all = [];
    private readonly List<(int Count, TaskCompletionSource Reached)> _whenDelivered = [];
    private readonly TaskCompletionSource _allFinished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _deliveries;
    private int _finished;

    /// <summary>Completes when every message that was published has been finished.</summary>
    public Task AllFinished => _allFinished.Task;

    public IReadOnlyList<Message> Messages
    {
        get
        {
            lock (_gate)
                return [.. _all];
        }
    }

    /// <summary>How many deliveries there were, repeated ones included.</summary>
    public int Deliveries
    {
        get
        {
            lock (_gate)
                return _deliveries;
        }
    }

    public void Publish(string userId, bool isClick)
    {
        lock (_gate)
        {
            Message message = new(this, _all.Count + 1, userId, isClick);
            _all.Add(message);
            _ready.Enqueue(message);
            Changed();
        }
    }

    /// <summary>Connects a consumer that is given at most <paramref name="maxInFlight"/> messages before it finishes some.</summary>
    public Consumer Connect(int maxInFlight) => new(this, maxInFlight);

    /// <summary>Completes at that many deliveries.</summary>
    public Task WhenDeliveredAsync(int count)
    {
        lock (_gate)
        {
            if (_deliveries >= count)
                return Task.CompletedTask;
            TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _whenDelivered.Add((count, reached));
            return reached.Task;
        }
    }

    internal Delivery? TryDeliver(Consumer consumer)
    {
        lock (_gate)
        {
            TakeBackOverdue();
            if (consumer.InFlight >= consumer.MaxInFlight || !_ready.TryDequeue(out Message? message))
                return null;
            message.Current = new Delivery(message, consumer, ++message.Deliveries, _time.GetTimestamp());
            consumer.InFlight++;
            _deliveries++;
            foreach ((int count, TaskCompletionSource reached) in _whenDelivered)
            {
                if (_deliveries >= count)
                    reached.TrySetResult();
            }

            return message.Current;
        }
    }

    /// <summary>Completes when there may be something to deliver.</summary>
    internal Task WhenChanged()
    {
        lock (_gate)
            return _changed.Task;
    }

    internal bool Finish(Delivery delivery)
    {
        lock (_gate)
        {
            TakeBackOverdue();
            if (!TakeBack(delivery))
                return false;
            delivery.Message.IsFinished = true;
            if (++_finished == _all.Count)
                _allFinished.TrySetResult();
            Changed();
            return true;
        }
    }

    internal void Requeue(Delivery delivery)
    {
        lock (_gate)
        {
            if (TakeBack(delivery))
                _ready.Enqueue(delivery.Message);
            Changed();
        }
    }

    internal void Disconnect(Consumer consumer)
    {
        lock (_gate)
        {
            foreach (Message message in _all.Where(message => message.Current?.Consumer == consumer))
            {
                TakeBack(message.Current!);
                _ready.Enqueue(message);
            }

            Changed();
        }
    }

    /// <summary>A delivery that is not current any more has no power: its message is somebody else's, or done.</summary>
    private static bool TakeBack(Delivery delivery)
    {
        if (delivery.Message.Current != delivery)
            return false;
        delivery.Message.Current = null;
        delivery.Consumer.InFlight--;
        return true;
    }

    private void TakeBackOverdue()
    {
        foreach (Message message in _all)
        {
            if (message.Current is { } delivery && _time.GetElapsedTime(delivery.At) >= messageTimeout)
            {
                TakeBack(delivery);
                _ready.Enqueue(message);
            }
        }
    }

    private void Changed()
    {
        _changed.TrySetResult();
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>What was published: something happened to a user. Guarded by the broker.</summary>
public sealed class Message(Broker broker, long id, string userId, bool isClick)
{
    public long Id { get; } = id;

    public string UserId { get; } = userId;

    public bool IsClick { get; } = isClick;

    /// <summary>How often it was delivered.</summary>
    public int Deliveries { get; internal set; }

    public bool IsFinished { get; internal set; }

    internal Broker Broker { get; } = broker;

    internal Delivery? Current { get; set; }
}

/// <summary>One delivery of a message to one consumer.</summary>
public sealed class Delivery(Message message, Consumer consumer, int attempt, long at)
{
    public Message Message { get; } = message;

    public Consumer Consumer { get; } = consumer;

    public int Attempt { get; } = attempt;

    internal long At { get; } = at;

    /// <summary>Says that the message is done. False when it had been taken back: it is delivered to somebody else.</summary>
    public bool Finish() => Message.Broker.Finish(this);

    /// <summary>Gives the message back.</summary>
    public void Requeue() => Message.Broker.Requeue(this);
}

/// <summary>A connection to the broker.</summary>
public sealed class Consumer(Broker broker, int maxInFlight)
{
    public int MaxInFlight { get; } = maxInFlight;

    internal int InFlight { get; set; }

    /// <summary>The next message, or null when there is none now: none is ready, or as many are in flight as may be.</summary>
    public Delivery? TryRead() => broker.TryDeliver(this);

    /// <summary>The next message, as soon as there is one.</summary>
    public async ValueTask<Delivery> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task changed = broker.WhenChanged();
            if (TryRead() is { } delivery)
                return delivery;
            await changed.WaitAsync(cancellation);
        }
    }

    /// <summary>The connection breaks: what was in flight is delivered to others.</summary>
    public void Disconnect() => broker.Disconnect(this);
}
