namespace Sluice.Resp;

/// <summary>When a value is set, and for how long. The default sets it always and for ever.</summary>
public readonly record struct SetTerms
{
    /// <summary>Only when the key is there (true) or is not (false); null: always.</summary>
    public bool? OnlyIfExists { get; init; }

    /// <summary>It disappears after this time, more than zero, rounded up to milliseconds; null: it stays.</summary>
    public TimeSpan? ExpireAfter { get; init; }

    /// <summary>It keeps the expiry that the key has. Not together with <see cref="ExpireAfter"/>.</summary>
    public bool KeepTimeToLive { get; init; }

    internal void WriteTo(ref RespCommand command)
    {
        if (ExpireAfter is { } after)
        {
            if (after <= TimeSpan.Zero || KeepTimeToLive)
                throw new InvalidOperationException($"{nameof(SetTerms)}.{nameof(ExpireAfter)} is {after}; it must be more than zero, and not together with {nameof(KeepTimeToLive)}.");
            command.Write("PX"u8).Write((long)Math.Ceiling(after.TotalMilliseconds));
        }

        if (OnlyIfExists is { } exists)
            command.Write(exists ? "XX"u8 : "NX"u8);
        if (KeepTimeToLive)
            command.Write("KEEPTTL"u8);
    }
}
