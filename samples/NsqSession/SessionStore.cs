namespace Sluice.Samples.NsqSession;

/// <summary>Where finished sessions go. Ignores a session that it has already, by its idempotency key.</summary>
public sealed class SessionStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Completion<Session>> _sessions = [];
    private readonly List<Completion<Session>> _deliveries = [];
    private readonly HashSet<long> _messages = [];
    private readonly List<(int Count, TaskCompletionSource Reached)> _whenCounted = [];

    public IReadOnlyList<Completion<Session>> Sessions
    {
        get
        {
            lock (_gate)
                return [.. _sessions.Values];
        }
    }

    /// <summary>Every delivery, repeated ones included.</summary>
    public IReadOnlyList<Completion<Session>> Deliveries
    {
        get
        {
            lock (_gate)
                return [.. _deliveries];
        }
    }

    /// <summary>Completes when that many different messages are in finished sessions.</summary>
    public Task WhenCountedAsync(int messages)
    {
        lock (_gate)
        {
            if (_messages.Count >= messages)
                return Task.CompletedTask;
            TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _whenCounted.Add((messages, reached));
            return reached.Task;
        }
    }

    public void Write(Completion<Session> completion)
    {
        lock (_gate)
        {
            _deliveries.Add(completion);
            if (!_sessions.TryAdd(completion.IdempotencyKey, completion))
                return;
            _messages.UnionWith(completion.Value.LastMessages);
            foreach ((int count, TaskCompletionSource reached) in _whenCounted)
            {
                if (_messages.Count >= count)
                    reached.TrySetResult();
            }
        }
    }
}
