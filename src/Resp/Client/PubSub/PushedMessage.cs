using System.Text;

namespace Sluice.Resp.Client;

/// <summary>A message where it lies in the receive buffer. Copied once, and only if somebody wants to keep it.</summary>
internal ref struct PushedMessage(SubscribedName name, ReadOnlySpan<byte> channel, ReadOnlySpan<byte> payload)
{
    private RespMessage? _kept;

    /// <summary>The channel that it was published to.</summary>
    public readonly ReadOnlySpan<byte> Channel { get; } = channel;

    /// <summary>What was published.</summary>
    public readonly ReadOnlySpan<byte> Payload { get; } = payload;

    /// <summary>A copy that stays, the same for everyone who asks.</summary>
    public RespMessage Keep() => _kept ??= name.Kind == RespSubscriptionKind.Pattern
        ? new RespMessage(Encoding.UTF8.GetString(Channel), name.Text, Payload.ToArray())
        : new RespMessage(name.Text, null, Payload.ToArray());
}
