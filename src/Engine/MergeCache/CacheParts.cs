using Sluice.Aggregates;
using Sluice.Flushing;

namespace Sluice.Caching;

/// <summary>What the stripes of one cache share.</summary>
internal sealed record CacheParts<TKey, TEvent, TState>(
    AggregateSchema Schema,
    KeyCodec<TKey> Keys,
    MergeCacheOptions Options,
    IFlushSink Sink,
    FlushEpochs Epochs,
    KeyEquality<TKey> Equality,
    Places Places,
    StateFolding<TState>? Folding)
    where TKey : notnull
    where TEvent : struct
    where TState : struct, IAggregateState<TState, TEvent>;

/// <summary>What became of an attempt to end a session.</summary>
internal enum Ending
{
    /// <summary>The sink has what there was to say, and the entry is gone.</summary>
    Ended,

    /// <summary>The lane is full; the entry is as it was.</summary>
    Refused,

    /// <summary>The deadline lies later; the entry is as it was.</summary>
    NotDue,
}

/// <summary>What became of an attempt to merge into one entry.</summary>
internal enum Attempt
{
    /// <summary>The event is in the entry.</summary>
    Merged,

    /// <summary>The session is over, sealed by somebody or past its deadline: the event belongs to a new one. Nothing happened.</summary>
    Over,

    /// <summary>The entry has as many deltas as it may keep that only the application can merge: they have to be folded first. Nothing happened.</summary>
    Crowded,
}
