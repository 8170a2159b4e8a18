using Sluice.Resp.Connection;
using Sluice.Resp.Diagnostics;

namespace Sluice.Resp.Client;

/// <summary>Where commands go: the shared connections by key, one of its own for a blocking command, or one that a caller holds.</summary>
internal abstract class CommandRoute(ServerTags tags, ConnectionNeed serves)
{
    /// <summary>What commands may ask of the connection.</summary>
    public ConnectionNeed Serves => serves;

    /// <summary>Where commands go, for those who measure.</summary>
    protected ServerTags Tags => tags;

    /// <summary>Why a command may not even begin; null when it may.</summary>
    public abstract Exception? Refusal(CancellationToken cancellation);

    /// <summary>A slot for a command, which does not look at the token yet (see <see cref="Watch"/>); the caller sends it.</summary>
    public abstract ReplySlot Rent(uint hash, ReplyKind kind, in SendTerms terms);

    /// <summary>Sends it; from here on the slot is the connection's.</summary>
    public abstract void Send(uint hash, ReadOnlySpan<byte> frame, ReplySlot slot);

    /// <summary>Lets the token end the command. The last thing before <see cref="Send"/>: who is told of the end must be known by then, for the token may fire at once.</summary>
    public static void Watch(ReplySlot slot, CancellationToken cancellation)
    {
        if (cancellation.CanBeCanceled)
            slot.Watch(cancellation);
    }

    /// <summary>The same terms without the token.</summary>
    protected static SendTerms Unwatched(in SendTerms terms) => terms with { Cancellation = CancellationToken.None };

    /// <summary>Measures a command if somebody listens. Between <see cref="Rent"/> and <see cref="Watch"/>. What listeners throw is not the command's.</summary>
    public void Observe(ReplySlot slot, string operation, string? procedure = null, int batchSize = 1)
    {
        if (RespTelemetry.IsListening)
            slot.Observer = CommandObservation.TryBegin(tags, operation, procedure, batchSize, slot.Observer);
    }
}
