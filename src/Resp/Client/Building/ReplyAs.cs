using Sluice.Resp.Connection;

namespace Sluice.Resp.Client;

/// <summary>How a slot's result reaches a caller who wants a <typeparamref name="TTask"/>. Implemented by empty structs, so that the compiler knows which.</summary>
internal interface IReplyAs<TTask>
{
    static abstract ReplyKind Kind { get; }

    static abstract TTask TaskOf(ReplySlot slot);

    static abstract TTask Failed(Exception refusal);
}

internal readonly struct Int64Reply : IReplyAs<ValueTask<long>>
{
    public static ReplyKind Kind => ReplyKind.Int64;

    public static ValueTask<long> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<long> Failed(Exception refusal) => ValueTask.FromException<long>(refusal);
}

internal readonly struct NullableInt64Reply : IReplyAs<ValueTask<long?>>
{
    public static ReplyKind Kind => ReplyKind.NullableInt64;

    public static ValueTask<long?> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<long?> Failed(Exception refusal) => ValueTask.FromException<long?>(refusal);
}

internal readonly struct BooleanReply : IReplyAs<ValueTask<bool>>
{
    public static ReplyKind Kind => ReplyKind.Boolean;

    public static ValueTask<bool> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<bool> Failed(Exception refusal) => ValueTask.FromException<bool>(refusal);
}

internal readonly struct DoubleReply : IReplyAs<ValueTask<double>>
{
    public static ReplyKind Kind => ReplyKind.Double;

    public static ValueTask<double> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<double> Failed(Exception refusal) => ValueTask.FromException<double>(refusal);
}

internal readonly struct NullableDoubleReply : IReplyAs<ValueTask<double?>>
{
    public static ReplyKind Kind => ReplyKind.NullableDouble;

    public static ValueTask<double?> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<double?> Failed(Exception refusal) => ValueTask.FromException<double?>(refusal);
}

internal readonly struct BufferReply : IReplyAs<ValueTask<long>>
{
    public static ReplyKind Kind => ReplyKind.IntoBuffer;

    public static ValueTask<long> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<long> Failed(Exception refusal) => ValueTask.FromException<long>(refusal);
}

internal readonly struct LeaseReply : IReplyAs<ValueTask<RespLease>>
{
    public static ReplyKind Kind => ReplyKind.Lease;

    public static ValueTask<RespLease> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<RespLease> Failed(Exception refusal) => ValueTask.FromException<RespLease>(refusal);
}

internal readonly struct FrameReply : IReplyAs<ValueTask<RespLease>>
{
    public static ReplyKind Kind => ReplyKind.Frame;

    public static ValueTask<RespLease> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<RespLease> Failed(Exception refusal) => ValueTask.FromException<RespLease>(refusal);
}

internal readonly struct TextReply : IReplyAs<ValueTask<string?>>
{
    public static ReplyKind Kind => ReplyKind.Text;

    public static ValueTask<string?> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<string?> Failed(Exception refusal) => ValueTask.FromException<string?>(refusal);
}

internal readonly struct ValueReply : IReplyAs<ValueTask<RespValue>>
{
    public static ReplyKind Kind => ReplyKind.Value;

    public static ValueTask<RespValue> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<RespValue> Failed(Exception refusal) => ValueTask.FromException<RespValue>(refusal);
}

internal readonly struct Int64ArrayReply : IReplyAs<ValueTask<long[]?>>
{
    public static ReplyKind Kind => ReplyKind.Int64Array;

    public static ValueTask<long[]?> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<long[]?> Failed(Exception refusal) => ValueTask.FromException<long[]?>(refusal);
}

internal readonly struct TextArrayReply : IReplyAs<ValueTask<string?[]?>>
{
    public static ReplyKind Kind => ReplyKind.TextArray;

    public static ValueTask<string?[]?> TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask<string?[]?> Failed(Exception refusal) => ValueTask.FromException<string?[]?>(refusal);
}

/// <summary>Any reply that is no error, and nothing of it.</summary>
internal readonly struct NoReply : IReplyAs<ValueTask>
{
    public static ReplyKind Kind => ReplyKind.Nothing;

    public static ValueTask TaskOf(ReplySlot slot) => new(slot, slot.Token);

    public static ValueTask Failed(Exception refusal) => ValueTask.FromException(refusal);
}
