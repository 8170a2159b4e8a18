using System.Text;

namespace Sluice.Resp.Client;

/// <summary>Where a name stands in the exchange that is under way.</summary>
internal enum NamePhase
{
    /// <summary>In none.</summary>
    Settled,

    /// <summary>Its subscription was sent.</summary>
    Subscribing,

    /// <summary>The end of its subscription was sent.</summary>
    Unsubscribing,
}

/// <summary>One name: who wants it, and what the server has said of it on this connection.</summary>
/// <remarks>Guarded by the reconciler's lock, but for what never changes. <see cref="Live"/> is replaced, not changed, so that what was read under the lock may be used after it.</remarks>
internal sealed class SubscribedName(RespSubscriptionKind kind, byte[] bytes)
{
    public RespSubscriptionKind Kind { get; } = kind;

    public byte[] Bytes { get; } = bytes;

    public string Text { get; } = Encoding.UTF8.GetString(bytes);

    /// <summary>The server's last word on this connection: it sends the messages of this name.</summary>
    public bool IsConfirmed { get; set; }

    /// <summary>What was sent and is not answered.</summary>
    public NamePhase Phase { get; set; }

    /// <summary>The server confirmed what was sent.</summary>
    public bool IsAnswered { get; set; }

    /// <summary>It stands in the queue of names to be looked at.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Those who were confirmed: they get the messages.</summary>
    public Subscriber[] Live { get; private set; } = [];

    /// <summary>Those who wait for the confirmation: they get nothing yet, or a hole before it could go unnoticed.</summary>
    public List<Subscriber> Waiting { get; } = [];

    /// <summary>Since when those in <see cref="Live"/> may have missed something; null = they have not.</summary>
    public RespGap? Lost { get; private set; }

    public bool IsWanted => Live.Length != 0 || Waiting.Count != 0;

    public void AddLive(Subscriber subscriber) => Live = [.. Live, subscriber];

    /// <summary>False when it was not here any more.</summary>
    public bool Remove(Subscriber subscriber)
    {
        if (Waiting.Remove(subscriber))
            return true;
        int before = Live.Length;
        Live = [.. Live.Where(other => !ReferenceEquals(other, subscriber))];
        return Live.Length != before;
    }

    /// <summary>The server does not send any more. The first moment stays, until it sends again.</summary>
    public void Lose(RespGapReasons reason, DateTimeOffset since)
    {
        IsConfirmed = false;
        if (Live.Length == 0)
            return;
        RespGap gap = new() { Reasons = reason, From = since, Until = since };
        Lost = Lost?.Join(gap) ?? gap;
    }

    /// <summary>Whoever waits is confirmed; what is returned has to be told to those who were live before.</summary>
    public (Subscriber[] Before, RespGap? Gap) Confirm(DateTimeOffset now)
    {
        Subscriber[] before = Live;
        RespGap? gap = Lost is null ? null : Lost with { Until = now };
        Lost = null;
        if (Waiting.Count != 0)
        {
            Live = [.. Live, .. Waiting];
            foreach (Subscriber subscriber in Waiting)
                subscriber.Confirmed.TrySetResult();
            Waiting.Clear();
        }

        return (before, gap);
    }

    /// <summary>Nobody wants it any more.</summary>
    public Subscriber[] TakeAll()
    {
        Subscriber[] all = [.. Live, .. Waiting];
        Live = [];
        Waiting.Clear();
        Lost = null;
        return all;
    }
}
