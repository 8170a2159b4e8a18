using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Sluice.Resp;

/// <summary>One item of a subscription: a message, or the notice that messages may be missing at this place (<see cref="IsGap"/>). Immutable.</summary>
/// <remarks>Subscribers of the same name share the payload's memory.</remarks>
public readonly struct RespMessage
{
    internal RespMessage(string channel, string? pattern, ReadOnlyMemory<byte> payload)
    {
        Channel = channel;
        Pattern = pattern;
        Payload = payload;
    }

    internal RespMessage(string name, RespGap gap)
    {
        Channel = name;
        Gap = gap;
    }

    /// <summary>The channel that it was published to, as UTF-8; for a gap the name that was subscribed to.</summary>
    public string Channel { get; }

    /// <summary>The pattern through which it came; null for channels and shard channels.</summary>
    public string? Pattern { get; }

    /// <summary>What was published; empty for a gap.</summary>
    public ReadOnlyMemory<byte> Payload { get; }

    /// <summary>What may be missing; null for a message.</summary>
    public RespGap? Gap { get; }

    /// <summary>True when this is no message but a gap: look at the state that the messages are about.</summary>
    [MemberNotNullWhen(true, nameof(Gap))]
    public bool IsGap => Gap is not null;

    /// <summary>The payload as UTF-8 text (bytes that are none become U+FFFD). Allocates.</summary>
    public string Text => Encoding.UTF8.GetString(Payload.Span);

    /// <inheritdoc/>
    public override string ToString() => IsGap ? $"{Channel}: {Gap}" : $"{Channel}: {Text}";
}
