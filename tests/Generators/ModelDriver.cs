using System.Buffers;
using System.Reflection;
using Sluice.Aggregates;

namespace Sluice.Generators.Tests;

/// <summary>One event with its place in the order: what each field gets, by the field's index; null for nothing.</summary>
internal sealed record ModelEvent(object?[] Contributions, long NowTicks, ulong Origin, long Sequence);

/// <summary>An aggregate that was compiled a moment ago: its state, its bytes, and its snapshot.</summary>
internal abstract class ModelDriver
{
    public abstract AggregateSchema Schema { get; }

    public static ModelDriver Of(Type aggregate)
    {
        object definition = aggregate.GetProperty("Definition")!.GetValue(null)!;
        return (ModelDriver)Activator.CreateInstance(typeof(ModelDriver<,,,>).MakeGenericType(definition.GetType().GenericTypeArguments), definition)!;
    }

    /// <summary>The bytes of a state that these events were merged into.</summary>
    public abstract byte[] Record(IEnumerable<ModelEvent> events);

    /// <summary>The bytes of the state that was read from these.</summary>
    public abstract byte[] Again(byte[] record);

    /// <summary>What the snapshot of a record shows of each field.</summary>
    public abstract object?[] Values(byte[] record);
}

internal sealed class ModelDriver<TKey, TValue, TEvent, TState>(AggregateDefinition<TKey, TValue, TEvent> definition) : ModelDriver
    where TKey : notnull
    where TValue : class
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    private readonly PropertyInfo?[] _contributions = [.. definition.Schema.Fields.Select(static field => typeof(TEvent).GetProperty(field.Name))];
    private readonly PropertyInfo[] _values = [.. definition.Schema.Fields.Select(static field => typeof(TValue).GetProperty(field.Name)!)];

    public override AggregateSchema Schema => definition.Schema;

    public override byte[] Record(IEnumerable<ModelEvent> events)
    {
        TState state = default;
        foreach (ModelEvent e in events)
        {
            object contribution = default(TEvent);
            for (int i = 0; i < _contributions.Length; i++)
            {
                if (e.Contributions[i] is { } value)
                    _contributions[i]?.SetValue(contribution, value);
            }

            long before = e.Sequence;
            if (!state.Merge((TEvent)contribution, new MergeContext(e.NowTicks, e.Origin, ref before)).IsMerged)
                throw new InvalidOperationException("A model's contributions never overflow.");
        }

        return Written(state);
    }

    public override byte[] Again(byte[] record) => Written(TState.Read(record));

    public override object?[] Values(byte[] record)
    {
        TValue view = definition.Read(default!, record);
        return [.. _values.Select(property => property.GetValue(view))];
    }

    private static byte[] Written(TState state)
    {
        ArrayBufferWriter<byte> output = new();
        state.Write(output);
        return output.WrittenSpan.ToArray();
    }
}
