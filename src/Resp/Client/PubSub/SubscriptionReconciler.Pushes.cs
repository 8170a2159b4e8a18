using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

// What comes from the link's thread.
internal sealed partial class SubscriptionReconciler
{
    private const int LongestWord = 16;

    /// <summary>Messages that were handed to somebody.</summary>
    public long Messages { get; private set; }

    /// <summary>Pushes of a kind, or a shape, that is not known: dropped.</summary>
    public long UnknownPushes { get; private set; }

    /// <summary>A command has its answer, and whatever belonged to it has come.</summary>
    public void OnFence(SubscriptionExchange exchange, SubscribedName name, RespServerException? refusal, bool isLast)
    {
        Subscriber[] refused = [];
        Exception? fault = null;
        lock (_gate)
        {
            NamePhase phase = name.Phase;
            name.Phase = NamePhase.Settled;
            if (!name.IsAnswered)
            {
                // An end of a subscription that does not end, a subscription that was restored before and can't be now for a reason that passes, or no answer at all: a new
                // connection, with the link's back-off, is the way out of all three.
                if (refusal is null)
                    fault = new RespException($"The server answered the subscription to '{name.Text}' neither with a confirmation nor with an error.");
                else if (phase == NamePhase.Unsubscribing || (refusal.IsTransient && name.Live.Length != 0))
                    fault = refusal;
                else
                    refused = name.TakeAll();
            }

            if (name.IsWanted != name.IsConfirmed)
                Touch(name);
            else
                Forget(name);
            if (isLast)
                _exchange = null;
        }

        Tell(refused, refusal!);
        if (fault is not null)
            exchange.Connection.Fail(fault);
        else if (isLast)
            Reconcile();
    }

    void ILinkListener.OnOpened(RespLink link, RespConnection connection)
    {
        lock (_gate)
            _connection = connection;
        Reconcile();
    }

    void ILinkListener.OnClosed(RespLink link, Exception reason)
    {
        lock (_gate)
        {
            // Whatever came after the last byte did not come.
            DateTimeOffset lastHeard = _time.GetUtcNow() - TimeSpan.FromMilliseconds(_connection?.Silence ?? 0);
            _connection = null;
            _exchange = null;
            foreach (SubscribedName name in _names.SelectMany(names => names.Values).ToArray())
            {
                // Not confirmed before: it is lost since an earlier time, or was never there.
                if (name.IsConfirmed)
                    name.Lose(RespGapReasons.ConnectionLost, lastHeard);
                name.Phase = NamePhase.Settled;
                if (name.IsWanted)
                    Touch(name);
                else
                    Forget(name);
            }
        }
    }

    void ILinkListener.OnPush(RespLink link, ref RespReader push)
    {
        if (!TryTake(ref push))
            UnknownPushes++;
    }

    private bool TryTake(ref RespReader push)
    {
        int count = push.Count;
        if (count < 3 || !push.MoveNext() || !push.IsString || push.ByteLength is 0 or > LongestWord)
            return false;
        Span<byte> scratch = stackalloc byte[LongestWord];
        ReadOnlySpan<byte> word = scratch[..push.CopyTo(scratch)];
        RespSubscriptionKind kind = word[0] switch
        {
            (byte)'p' => RespSubscriptionKind.Pattern,
            (byte)'s' when !word.SequenceEqual("subscribe"u8) => RespSubscriptionKind.Shard,
            _ => RespSubscriptionKind.Channel,
        };
        if (kind != RespSubscriptionKind.Channel)
            word = word[1..];
        if (!push.MoveNext() || (!push.IsString && !push.IsNull))
            return false;

        using PushedBytes name = new(push);
        if (word.SequenceEqual("message"u8))
            return TryDeliver(kind, name.Span, ref push, count);
        if (word.SequenceEqual("subscribe"u8))
            return Confirmed(kind, name.Span);
        // Null: everything was unsubscribed, and there was nothing.
        return word.SequenceEqual("unsubscribe"u8) && (push.IsNull || Ended(kind, name.Span));
    }

    private bool TryDeliver(RespSubscriptionKind kind, scoped ReadOnlySpan<byte> name, ref RespReader push, int count)
    {
        if (count != (kind == RespSubscriptionKind.Pattern ? 4 : 3))
            return false;
        SubscribedName? subscribed;
        Subscriber[] live = [];
        lock (_gate)
        {
            subscribed = Find(kind, name);
            if (subscribed is not null)
                live = subscribed.Live;
        }

        // Known, but its last subscriber has just left.
        if (live.Length == 0)
            return true;
        push.MoveNext();
        if (!push.IsString)
            return false;
        if (kind != RespSubscriptionKind.Pattern)
        {
            using PushedBytes payload = new(push);
            Deliver(live, new PushedMessage(subscribed!, name, payload.Span));
            return true;
        }

        using PushedBytes channel = new(push);
        push.MoveNext();
        if (!push.IsString)
            return false;
        using PushedBytes content = new(push);
        Deliver(live, new PushedMessage(subscribed!, channel.Span, content.Span));
        return true;
    }

    private void Deliver(Subscriber[] live, scoped PushedMessage message)
    {
        Messages++;
        foreach (Subscriber subscriber in live)
        {
            try
            {
                subscriber.Handler.OnMessage(ref message);
            }
            catch (Exception fault)
            {
                // The others and the connection are not to blame.
                End(subscriber, fault);
            }
        }
    }

    private bool Confirmed(RespSubscriptionKind kind, ReadOnlySpan<byte> bytes)
    {
        Subscriber[] before;
        RespGap? gap;
        lock (_gate)
        {
            SubscribedName? name = Find(kind, bytes);
            if (name is null)
                return false;
            name.IsConfirmed = true;
            if (name.Phase == NamePhase.Unsubscribing)
                return true;
            name.IsAnswered = true;
            (before, gap) = name.Confirm(_time.GetUtcNow());
        }

        if (gap is null)
            return true;
        foreach (Subscriber subscriber in before)
        {
            try
            {
                subscriber.Handler.OnGap(gap);
            }
            catch (Exception fault)
            {
                End(subscriber, fault);
            }
        }

        return true;
    }

    private bool Ended(RespSubscriptionKind kind, ReadOnlySpan<byte> bytes)
    {
        bool unasked;
        lock (_gate)
        {
            SubscribedName? name = Find(kind, bytes);
            if (name is null)
                return false;
            if (name.IsConfirmed)
                name.Lose(RespGapReasons.Unsubscribed, _time.GetUtcNow());
            if (name.Phase == NamePhase.Unsubscribing)
                name.IsAnswered = true;
            // In an exchange the fence looks at it.
            unasked = name.Phase == NamePhase.Settled;
            if (unasked)
                Touch(name);
        }

        if (unasked)
            Reconcile();
        return true;
    }

    private void End(Subscriber subscriber, Exception reason)
    {
        Unsubscribe(subscriber);
        subscriber.Handler.OnEnded(reason);
    }
}
