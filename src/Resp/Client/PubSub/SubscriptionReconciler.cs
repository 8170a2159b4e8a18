using System.Buffers;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>
/// Keeps what a connection is subscribed to equal to what is wanted, whatever happens to either: a link of its own, a set of wanted names, and what the server has
/// confirmed on the connection that lives now.
/// </summary>
/// <remarks>
/// <para>Per name there are two facts, <i>wanted</i> (somebody subscribes) and <i>confirmed</i> (the server's last word on this connection), and one rule: where they differ, and the name is not
/// in the exchange that is under way, the next exchange carries a command for it. At most one exchange is under way; what changes meanwhile goes with the next. A new
/// connection begins with nothing confirmed, so the same rule restores everything.</para>
/// <code>
///                        wanted                                  subscribe (name)
/// Absent ------------------------------------> Subscribing --------------------------> Present
///   ^  ^-- refused: its subscribers are told ------/                                    |  |
///   |      unsubscribe (name)                        nobody wants it any more           |  |
///   +------------------------- Unsubscribing &lt;------------------------------------------+  |
///   +--------------------------------- unsubscribe (name), unasked: a gap -----------------+      connection lost: everything is Absent
/// </code>
/// <para>The interleavings that matter, and what makes each harmless:</para>
/// <list type="bullet">
/// <item>Subscribe while the end of the same name is under way: the subscriber waits; after the fence the name is wanted and absent, so it goes out again. It hears nothing of what
/// still comes before: a subscriber is live from its own confirmation on, so there is no hole in what it hears.</item>
/// <item>The last subscriber leaves while the subscription is under way: after the fence the name is present and not wanted, so its end goes out. If somebody comes before
/// that is sent, nothing is sent.</item>
/// <item>The connection dies with an exchange under way: all calls of a link come from its one thread, so no confirmation of the old connection can come after
/// <see cref="ILinkListener.OnClosed"/>. A thread that is about to send an exchange holds the connection it is meant for, which takes nothing any more.</item>
/// <item>The server ends a subscription unasked, even between confirmation and fence, or just before our own end of it is confirmed: confirmations are facts about a name and
/// not answers, so a second one changes nothing, and the difference is looked at again after the fence.</item>
/// <item>A subscriber's time is over, or its token is cancelled, while the confirmation comes: the first of the two decides; the one that gives up is removed, and the name with the last.</item>
/// </list>
/// <para>Threads: anyone subscribes and unsubscribes; pushes, fences and the connection's life come from the link's thread. <c>_gate</c> guards all state, is held for short and never while
/// something is sent or a handler runs. Lock order: <c>_gate</c> before those of link and connection.</para>
/// </remarks>
internal sealed partial class SubscriptionReconciler : ILinkListener, IAsyncDisposable
{
    // One write of some 50 KB, and a bound for how long a name that comes meanwhile waits.
    private const int MostInOneExchange = 1024;

    // One exchange, some questions of the watchdog, and new credentials.
    private const int RingSize = 16;

    private readonly RespLink _link;
    private readonly TimeProvider _time;
    private readonly int _timeout;
    private readonly Lock _gate = new();
    private readonly Dictionary<byte[], SubscribedName>[] _names;
    private readonly Queue<SubscribedName> _queue = new();
    private readonly List<TaskCompletionSource> _settledWaiters = [];
    private RespConnection? _connection;
    private SubscriptionExchange? _exchange;
    private bool _closed;

    /// <param name="link">Made with <see cref="TermsOf"/> and not started; it carries nothing else, and ends with the reconciler.</param>
    /// <param name="listeners">The link's.</param>
    /// <param name="timeout">The longest wait for a confirmation; milliseconds, -1 = no limit.</param>
    /// <param name="time">Says when a gap began and ended.</param>
    public SubscriptionReconciler(RespLink link, LinkListeners listeners, int timeout, TimeProvider time)
    {
        _time = time;
        _timeout = timeout;
        _names = [New(), New(), New()];
        _link = link;
        listeners.Add(this);

        static Dictionary<byte[], SubscribedName> New() => new(ByteStrings.Comparer);
    }

    /// <summary>The link, for its state.</summary>
    public RespLink Link => _link;

    /// <summary>Names that somebody wants or the server sends; for tests of leaks.</summary>
    public int Names
    {
        get
        {
            lock (_gate)
                return _names.Sum(names => names.Count);
        }
    }

    /// <summary>What a link for messages keeps to: a small ring, and lists are messages, as RESP2 sends them.</summary>
    public static LinkTerms TermsOf(LinkTerms terms) => terms with { Connection = terms.Connection with { RingSize = RingSize, ArraysArePushes = true, TakesSubscriptions = true } };

    /// <summary>Makes a handler live: from the end of the task on it gets every message that is published to the name.</summary>
    /// <exception cref="RespServerException">The server refuses it.</exception>
    /// <exception cref="RespTimeoutException">Not confirmed within the time for commands; it is given up.</exception>
    /// <exception cref="RespConnectionException">The client was closed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; it is given up.</exception>
    public async ValueTask<Subscriber> SubscribeAsync(RespSubscriptionKind kind, ReadOnlyMemory<byte> name, MessageHandler handler, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Subscriber subscriber = Add(kind, name.Span, handler);
        if (subscriber.Confirmed.Task.IsCompletedSuccessfully)
            return subscriber;
        _link.Start();
        Reconcile();
        try
        {
            TimeSpan limit = _timeout < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(_timeout);
            await subscriber.Confirmed.Task.WaitAsync(limit, cancellationToken).ConfigureAwait(false);
            return subscriber;
        }
        catch (Exception reason) when (reason is OperationCanceledException or TimeoutException)
        {
            Unsubscribe(subscriber);
            if (reason is not TimeoutException)
                throw;
            throw new RespTimeoutException(_timeout, CommandOutcome.Unknown, _link.Snapshot());
        }
    }

    /// <summary>Ends a subscription. Returns at once: the server is told when nobody else wants the name. Any number of times.</summary>
    public void Unsubscribe(Subscriber subscriber)
    {
        lock (_gate)
        {
            if (!subscriber.Name.Remove(subscriber))
                return;
            Touch(subscriber.Name);
        }

        Reconcile();
    }

    /// <summary>Ends when a connection is open and confirmed equals wanted.</summary>
    public Task WhenSettledAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (IsSettled)
                return Task.CompletedTask;
            _settledWaiters.Add(settled);
        }

        return settled.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Ends all subscriptions and the link.</summary>
    public async ValueTask DisposeAsync()
    {
        List<Subscriber> all = [];
        lock (_gate)
        {
            _closed = true;
            foreach (SubscribedName name in _names.SelectMany(names => names.Values))
                all.AddRange(name.TakeAll());
            foreach (TaskCompletionSource waiter in _settledWaiters)
                waiter.TrySetCanceled(CancellationToken.None);
            _settledWaiters.Clear();
        }

        Tell(all, new RespConnectionException("The client was closed.", CommandOutcome.NotSent));
        await _link.DisposeAsync().ConfigureAwait(false);
    }

    private static void Tell(IEnumerable<Subscriber> subscribers, Exception reason)
    {
        foreach (Subscriber subscriber in subscribers)
        {
            // Whoever waits has the exception from its task; it never had a message, so its handler has nothing to hear.
            if (!subscriber.Confirmed.TrySetException(reason))
                subscriber.Handler.OnEnded(reason);
            else
                _ = subscriber.Confirmed.Task.Exception;
        }
    }

    private Subscriber Add(RespSubscriptionKind kind, ReadOnlySpan<byte> bytes, MessageHandler handler)
    {
        lock (_gate)
        {
            if (_closed)
                throw new RespConnectionException("The client is closed.", CommandOutcome.NotSent);
            SubscribedName? name = Find(kind, bytes);
            if (name is null)
            {
                name = new SubscribedName(kind, bytes.ToArray());
                _names[(int)kind].Add(name.Bytes, name);
            }

            Subscriber subscriber = new(name, handler);
            if (name is { IsConfirmed: true, Phase: not NamePhase.Unsubscribing })
            {
                name.AddLive(subscriber);
                subscriber.Confirmed.SetResult();
            }
            else
            {
                name.Waiting.Add(subscriber);
                Touch(name);
            }

            return subscriber;
        }
    }

    private SubscribedName? Find(RespSubscriptionKind kind, ReadOnlySpan<byte> bytes) =>
        _names[(int)kind].GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(bytes, out SubscribedName? name) ? name : null;

    /// <summary>The name is to be looked at. Under the lock.</summary>
    private void Touch(SubscribedName name)
    {
        if (name.IsQueued)
            return;
        name.IsQueued = true;
        _queue.Enqueue(name);
    }

    private bool IsSettled => _connection is not null && _exchange is null && _queue.Count == 0;

    /// <summary>Sends what differs, unless something is under way or there is no connection.</summary>
    private void Reconcile()
    {
        SubscriptionExchange? exchange;
        lock (_gate)
        {
            exchange = TryBegin();
            if (IsSettled)
            {
                foreach (TaskCompletionSource waiter in _settledWaiters)
                    waiter.TrySetResult();
                _settledWaiters.Clear();
            }
        }

        if (exchange is not null)
            Send(exchange);
    }

    private SubscriptionExchange? TryBegin()
    {
        if (_connection is null || _exchange is not null)
            return null;
        List<SubscribedName>? different = null;
        while ((different?.Count ?? 0) < MostInOneExchange && _queue.TryDequeue(out SubscribedName? name))
        {
            name.IsQueued = false;
            if (name.IsWanted == name.IsConfirmed)
            {
                Forget(name);
                continue;
            }

            name.Phase = name.IsWanted ? NamePhase.Subscribing : NamePhase.Unsubscribing;
            name.IsAnswered = false;
            (different ??= []).Add(name);
        }

        return different is null ? null : _exchange = new SubscriptionExchange(this, _connection, different);
    }

    /// <summary>A name that nobody wants and the server does not send is none. Under the lock; the name is in no exchange.</summary>
    private void Forget(SubscribedName name)
    {
        if (!name.IsWanted && !name.IsConfirmed && !name.IsQueued)
            _names[(int)name.Kind].Remove(name.Bytes);
    }

    private void Send(SubscriptionExchange exchange)
    {
        ArrayBufferWriter<byte> frames = new();
        exchange.Format(frames);
        ReplySlot slot = _link.Rent(ReplyKind.Collected, new SendTerms(SendTerms.NoLimit, CancellationToken.None));
        slot.SetCollector(exchange);
        ValueTask replies = new(slot, slot.Token);
        switch (exchange.Connection.TryEnqueue(frames.WrittenSpan, slot))
        {
            case EnqueueOutcome.Enqueued:
                _ = ObserveAsync(replies);
                return;
            case EnqueueOutcome.Full:
                // Nothing but one exchange, the watchdog's questions and new credentials is ever on this connection.
                exchange.Connection.Fail(new RespOverloadException("There is no room on a connection that carries nothing but subscriptions: the server stopped answering."));
                break;
            default:
                // Dead: whoever opens the next one begins from nothing.
                break;
        }

        slot.Release();
        slot.Release();
    }

    /// <summary>Gives the slot back. What became of the names is known elsewhere: by the fences, or because the connection is gone.</summary>
    private static async Task ObserveAsync(ValueTask replies)
    {
        try
        {
            await replies.ConfigureAwait(false);
        }
        catch (RespException)
        {
            // The connection was lost: OnClosed has put everything back.
        }
    }
}
