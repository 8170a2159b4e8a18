using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>How a slot's result reaches a caller who wants a <typeparamref name="T"/>. Implemented by empty structs, so that the compiler knows which.</summary>
internal interface IReplyAs<T>
{
    static abstract ReplyKind Kind { get; }

    static abstract ValueTask<T> TaskOf(ReplySlot slot);
}

internal readonly struct Int64Reply : IReplyAs<long>
{
    public static ReplyKind Kind => ReplyKind.Int64;

    public static ValueTask<long> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct NullableInt64Reply : IReplyAs<long?>
{
    public static ReplyKind Kind => ReplyKind.NullableInt64;

    public static ValueTask<long?> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct BooleanReply : IReplyAs<bool>
{
    public static ReplyKind Kind => ReplyKind.Boolean;

    public static ValueTask<bool> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct DoubleReply : IReplyAs<double>
{
    public static ReplyKind Kind => ReplyKind.Double;

    public static ValueTask<double> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct NullableDoubleReply : IReplyAs<double?>
{
    public static ReplyKind Kind => ReplyKind.NullableDouble;

    public static ValueTask<double?> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct BufferReply : IReplyAs<long>
{
    public static ReplyKind Kind => ReplyKind.IntoBuffer;

    public static ValueTask<long> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct LeaseReply : IReplyAs<RespLease>
{
    public static ReplyKind Kind => ReplyKind.Lease;

    public static ValueTask<RespLease> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct FrameReply : IReplyAs<RespLease>
{
    public static ReplyKind Kind => ReplyKind.Frame;

    public static ValueTask<RespLease> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct TextReply : IReplyAs<string?>
{
    public static ReplyKind Kind => ReplyKind.Text;

    public static ValueTask<string?> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct ValueReply : IReplyAs<RespValue>
{
    public static ReplyKind Kind => ReplyKind.Value;

    public static ValueTask<RespValue> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct Int64ArrayReply : IReplyAs<long[]?>
{
    public static ReplyKind Kind => ReplyKind.Int64Array;

    public static ValueTask<long[]?> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

internal readonly struct TextArrayReply : IReplyAs<string?[]?>
{
    public static ReplyKind Kind => ReplyKind.TextArray;

    public static ValueTask<string?[]?> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}

/// <summary>Any reply that is no error, and nothing of it. A boolean, because the slot has one; it means nothing.</summary>
internal readonly struct NoReply : IReplyAs<bool>
{
    public static ReplyKind Kind => ReplyKind.Nothing;

    public static ValueTask<bool> TaskOf(ReplySlot slot) => new(slot, slot.Token);
}
