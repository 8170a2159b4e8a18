using Sluice.Resp.Connection;
using Sluice.Resp.Diagnostics;

namespace Sluice.Resp.Client;

/// <summary>Where commands go: the shared connections by key, one of its own for a blocking command, or one that a caller holds.</summary>
internal abstract class CommandRoute(ServerTags tags)
{
    /// <summary>Where commands go, for those who measure.</summary>
    protected ServerTags Tags => tags;

    /// <summary>Why a command may not even begin; null when it may.</summary>
    public abstract Exception? Refusal(CancellationToken cancellation);

    /// <summary>A slot for a command; the caller sends it.</summary>
    public abstract ReplySlot Rent(uint hash, ReplyKind kind, in SendTerms terms);

    /// <summary>Sends it; from here on the slot is the connection's.</summary>
    public abstract void Send(uint hash, ReadOnlySpan<byte> frame, ReplySlot slot);

    /// <summary>Measures a command if somebody listens. Between <see cref="Rent"/> and <see cref="Send"/>.</summary>
    public void Observe(ReplySlot slot, string operation, string? procedure = null, int batchSize = 1)
    {
        if (RespTelemetry.IsListening)
            slot.Observer = new CommandObservation(tags, operation, procedure, batchSize, slot.Observer);
    }
}
