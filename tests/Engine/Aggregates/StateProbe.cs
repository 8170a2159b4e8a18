using System.Buffers;
using Sluice.Aggregates;

namespace Sluice.Tests.Aggregates;

/// <summary>An aggregate's generated state, which is private to it, with the place of every event in the order under the test's control.</summary>
internal abstract class StateProbe<TEvent>
    where TEvent : struct
{
    public abstract bool IsEmpty { get; }

    public static StateProbe<TEvent> Of<TKey, TValue>(AggregateDefinition<TKey, TValue, TEvent> definition)
        where TKey : notnull
        where TValue : class
    {
        Type state = definition.GetType().GenericTypeArguments[3];
        return (StateProbe<TEvent>)Activator.CreateInstance(typeof(StateProbe<,>).MakeGenericType(state, typeof(TEvent)))!;
    }

    public abstract MergeOutcome Merge(in TEvent contribution, long nowTicks = 0, ulong origin = 0, long sequence = 1);

    public abstract void Reset();

    public abstract void Write(IBufferWriter<byte> output);

    public abstract StateProbe<TEvent> Read(ReadOnlySpan<byte> bytes);

    public byte[] Write()
    {
        ArrayBufferWriter<byte> output = new();
        Write(output);
        return output.WrittenSpan.ToArray();
    }
}

internal sealed class StateProbe<TState, TEvent> : StateProbe<TEvent>
    where TState : struct, IAggregateState<TState, TEvent>
    where TEvent : struct
{
    private TState _state;

    public override bool IsEmpty => _state.IsEmpty;

    public override MergeOutcome Merge(in TEvent contribution, long nowTicks = 0, ulong origin = 0, long sequence = 1)
    {
        long before = sequence - 1;
        return _state.Merge(in contribution, new MergeContext(nowTicks, origin, ref before));
    }

    public override void Reset() => _state.Reset();

    public override void Write(IBufferWriter<byte> output) => _state.Write(output);

    public override StateProbe<TEvent> Read(ReadOnlySpan<byte> bytes) => new StateProbe<TState, TEvent> { _state = TState.Read(bytes) };
}
