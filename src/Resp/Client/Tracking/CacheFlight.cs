using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>One read on its way, for everyone who wants the key meanwhile.</summary>
/// <remarks>Replies come on the reader thread, where the value is kept before anything that the server sent after it is looked at; those who wait run elsewhere.</remarks>
internal sealed class CacheFlight(TrackingCache owner, long began, bool asksForExpiry) : ReplyCollector
{
    private RespServerException? _failure;
    private bool _isKeepable = true;

    /// <summary>Its place in the table; null = what it brings is not kept.</summary>
    public CacheEntry? Entry { get; set; }

    /// <summary>The table that <see cref="Entry"/> is in.</summary>
    public CacheTable? Table { get; init; }

    /// <summary>For those who wait.</summary>
    public TaskCompletionSource<ReadOnlyMemory<byte>?> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What came; null = there is no such key.</summary>
    public byte[]? Value { get; private set; }

    /// <summary>When the key ends, in the clock's milliseconds, and rather too early than too late: the server's answer is younger than the question.</summary>
    public long Expires { get; private set; } = long.MaxValue;

    /// <summary>When it was sent, in the clock's milliseconds.</summary>
    public long Began { get; } = began;

    /// <inheritdoc/>
    public override int Expected => asksForExpiry ? 2 : 1;

    /// <inheritdoc/>
    public override void Collect(int index, ref RespReader reply)
    {
        if (index == 0)
        {
            if (reply.IsError)
                _failure = reply.ToException();
            else
                Value = reply.ToArray();
        }
        else
        {
            TakeExpiry(ref reply);
        }

        if (index + 1 < Expected)
            return;
        if (_failure is not null)
            throw _failure;
        owner.OnRead(this, _isKeepable);
    }

    private void TakeExpiry(ref RespReader reply)
    {
        // -1: the key has no end. -2: there is no key; if there was one a moment ago, or is one now, the value belongs to neither moment. An error: nothing is known.
        if (!reply.TryReadInt64(out long milliseconds) || (milliseconds == -2) != (Value is null))
            _isKeepable = false;
        else if (milliseconds >= 0)
            Expires = Began + milliseconds;
    }
}
