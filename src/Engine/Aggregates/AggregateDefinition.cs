using System.Buffers;
using Sluice.Caching;
using Sluice.Flushing;

namespace Sluice.Aggregates;

/// <summary>What the engine knows of an aggregate without knowing its types: its stored form.</summary>
public abstract class AggregateDefinition
{
    private protected AggregateDefinition(AggregateSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Schema = schema;
    }

    /// <summary>The stored form: name, fields, fingerprint.</summary>
    public AggregateSchema Schema { get; }

    /// <summary>Joins the parts that the generator writes. Generated code calls this; applications use the generated <c>Definition</c>.</summary>
    /// <typeparam name="TKey">The type of the resource's key.</typeparam>
    /// <typeparam name="TValue">The aggregate as people read it: an immutable snapshot.</typeparam>
    /// <typeparam name="TEvent">One event's contribution.</typeparam>
    /// <typeparam name="TState">The merged contributions.</typeparam>
    /// <param name="schema">The stored form.</param>
    /// <param name="keys">How keys become bytes and back.</param>
    /// <param name="read">Makes the snapshot of a state.</param>
    public static AggregateDefinition<TKey, TValue, TEvent> Create<TKey, TValue, TEvent, TState>(
        AggregateSchema schema, KeyCodec<TKey> keys, Func<TKey, TState, TValue> read)
        where TKey : notnull
        where TValue : class
        where TEvent : struct
        where TState : struct, IAggregateState<TState, TEvent> =>
        new AggregateDefinition<TKey, TValue, TEvent, TState>(schema, keys, read, folding: null);

    /// <summary>As above, for an aggregate with opaque fields.</summary>
    /// <typeparam name="TKey">The type of the resource's key.</typeparam>
    /// <typeparam name="TValue">The aggregate as people read it: an immutable snapshot.</typeparam>
    /// <typeparam name="TEvent">One event's contribution.</typeparam>
    /// <typeparam name="TState">The merged contributions.</typeparam>
    /// <param name="schema">The stored form.</param>
    /// <param name="keys">How keys become bytes and back.</param>
    /// <param name="read">Makes the snapshot of a state.</param>
    /// <param name="folding">Merges the deltas of the opaque fields.</param>
    public static AggregateDefinition<TKey, TValue, TEvent> Create<TKey, TValue, TEvent, TState>(
        AggregateSchema schema, KeyCodec<TKey> keys, Func<TKey, TState, TValue> read, StateFolding<TState> folding)
        where TKey : notnull
        where TValue : class
        where TEvent : struct
        where TState : struct, IAggregateState<TState, TEvent>
    {
        ArgumentNullException.ThrowIfNull(folding);
        return new AggregateDefinition<TKey, TValue, TEvent, TState>(schema, keys, read, folding);
    }

    /// <summary>The record with each opaque field's deltas merged into one. Runs the application's code.</summary>
    /// <exception cref="OpaqueStateException">It threw.</exception>
    /// <exception cref="InvalidDataException">The record is not of the schema.</exception>
    internal abstract byte[] FoldRecord(ReadOnlySpan<byte> record);
}

/// <summary>An aggregate: its key, its snapshot, its event, and its stored form. Made by the generator as <c>YourAggregate.Definition</c>.</summary>
/// <typeparam name="TKey">The type of the resource's key.</typeparam>
/// <typeparam name="TValue">The aggregate as people read it: an immutable snapshot.</typeparam>
/// <typeparam name="TEvent">One event's contribution.</typeparam>
/// <remarks>Immutable and safe to share between threads and engines.</remarks>
public abstract class AggregateDefinition<TKey, TValue, TEvent> : AggregateDefinition
    where TKey : notnull
    where TValue : class
    where TEvent : struct
{
    private protected AggregateDefinition(AggregateSchema schema, KeyCodec<TKey> keys)
        : base(schema)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Keys = keys;
    }

    /// <summary>How keys become bytes and back.</summary>
    public KeyCodec<TKey> Keys { get; }

    /// <summary>Folds events into a snapshot without an engine: for tests, and to say what an engine must arrive at.</summary>
    /// <param name="key">The resource.</param>
    /// <param name="events">The events, in order.</param>
    /// <exception cref="FieldOverflowException">A field cannot hold the sum.</exception>
    /// <exception cref="OpaqueStateException">The code of an opaque field threw.</exception>
    public abstract TValue Fold(TKey key, IEnumerable<TEvent> events);

    /// <summary>Makes the snapshot of canonical state bytes.</summary>
    internal abstract TValue Read(TKey key, ReadOnlySpan<byte> state);

    internal abstract MergeCache<TKey, TEvent> CreateCache(MergeCacheOptions options, IFlushSink sink, FlushEpochs epochs);
}

internal sealed class AggregateDefinition<TKey, TValue, TEvent, TState>(
    AggregateSchema schema, KeyCodec<TKey> keys, Func<TKey, TState, TValue> read, StateFolding<TState>? folding)
    : AggregateDefinition<TKey, TValue, TEvent>(schema, keys)
    where TKey : notnull
    where TValue : class
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>
{
    public override TValue Fold(TKey key, IEnumerable<TEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        TState state = default;
        long sequence = 0;
        foreach (TEvent e in events)
        {
            MergeOutcome outcome;
            while ((outcome = state.Merge(in e, new MergeContext(0, 0, ref sequence))).IsCrowded)
                FoldInPlace(ref state);
            if (!outcome.IsMerged)
                throw new FieldOverflowException(Schema.Name, Schema.Fields[outcome.Field].Name);
        }

        return read(key, state);
    }

    internal override TValue Read(TKey key, ReadOnlySpan<byte> state) => read(key, state.IsEmpty ? default : TState.Read(state));

    internal override byte[] FoldRecord(ReadOnlySpan<byte> record)
    {
        TState state = record.IsEmpty ? default : TState.Read(record);
        FoldInPlace(ref state);
        ArrayBufferWriter<byte> output = new(Math.Max(1, record.Length));
        state.Write(output);
        return output.WrittenSpan.ToArray();
    }

    internal override MergeCache<TKey, TEvent> CreateCache(MergeCacheOptions options, IFlushSink sink, FlushEpochs epochs) =>
        new MergeCache<TKey, TEvent, TState>(Schema, Keys, options, sink, epochs, folding);

    private void FoldInPlace(ref TState state)
    {
        if (folding is null)
            return;
        TState folded = folding.Unfolded(in state);
        folding.Fold(ref folded);
        folding.Adopt(ref state, in folded);
    }
}
