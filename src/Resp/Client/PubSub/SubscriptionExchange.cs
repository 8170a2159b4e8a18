using System.Buffers;
using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>
/// Some names' subscriptions and their ends, sent together: one command for each, and behind each a <c>PING</c> as a fence.
/// </summary>
/// <remarks>
/// <para>A subscription is answered with a push, which is nobody's reply, or with an error, which is one. The fence makes both cases end with a reply: when it comes, everything
/// that belongs to the command has come. So an error is known to belong to the one name in front of the fence, and nothing has to be counted.</para>
/// <para>A server that refuses <c>PING</c> answers the fence with an error: one that comes when the command has its answer.</para>
/// <para>The reader thread only, but for <see cref="Format"/>, which comes before.</para>
/// </remarks>
internal sealed class SubscriptionExchange(SubscriptionReconciler owner, RespConnection connection, List<SubscribedName> names) : ReplyCollector
{
    private static readonly RespCommandPrefix[] Subscribe = [new("SUBSCRIBE", 1), new("PSUBSCRIBE", 1), new("SSUBSCRIBE", 1)];
    private static readonly RespCommandPrefix[] Unsubscribe = [new("UNSUBSCRIBE", 1), new("PUNSUBSCRIBE", 1), new("SUNSUBSCRIBE", 1)];
    private static readonly byte[] Fence = "*1\r\n$4\r\nPING\r\n"u8.ToArray();

    private int _fenced;
    private int _errors;
    private RespServerException? _refusal;

    /// <summary>Over which it goes.</summary>
    public RespConnection Connection { get; } = connection;

    /// <inheritdoc/>
    public override int Expected => names.Count + _errors;

    /// <summary>The commands. Their phases don't change before they are sent.</summary>
    public void Format(IBufferWriter<byte> destination)
    {
        Span<byte> scratch = stackalloc byte[256];
        foreach (SubscribedName name in names)
        {
            using RespCommandWriter command = new(scratch, (name.Phase == NamePhase.Subscribing ? Subscribe : Unsubscribe)[(int)name.Kind]);
            command.Write(name.Bytes);
            destination.Write(command.Complete());
            destination.Write(Fence);
        }
    }

    /// <inheritdoc/>
    public override void Collect(int index, ref RespReader reply)
    {
        SubscribedName name = names[_fenced];
        if (reply.IsError && _refusal is null && !name.IsAnswered)
        {
            _refusal = reply.ToException();
            _errors++;
            return;
        }

        _fenced++;
        RespServerException? refusal = _refusal;
        _refusal = null;
        owner.OnFence(this, name, refusal, isLast: _fenced == names.Count);
    }
}
