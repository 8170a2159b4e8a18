using Sluice.Cli.Sessions;

namespace Sluice.Cli.Workers;

/// <summary>The aggregate of a worker process, traced or not.</summary>
internal abstract class WorkerVisits
{
    public abstract long NextSessionDeadlineTicks { get; }

    public abstract long Writes { get; }

    public static WorkerVisits Of(SluiceEngine engine, bool traced, Func<CompletedVisit, ValueTask> complete) => traced
        ? new Merging<TracedVisit, TracedVisit.Event>(Register(engine, TracedVisit.Definition, Visits.Of, complete), Visits.TracedEvent)
        : new Merging<Visit, Visit.Event>(Register(engine, Visit.Definition, Visits.Of, complete), static (view, _) => Visits.Event(in view));

    /// <summary>Merges one line; false when there is no room.</summary>
    public abstract bool TryMerge(string key, in PageView view, long line, SourcePosition at);

    /// <summary>Merges one line when there is room.</summary>
    public abstract ValueTask MergeAsync(string key, PageView view, long line, SourcePosition at);

    public abstract ValueTask SweepAsync();

    public abstract ValueTask EndAllAsync();

    private static Aggregator<string, TValue, TEvent> Register<TValue, TEvent>(
        SluiceEngine engine, Aggregates.AggregateDefinition<string, TValue, TEvent> definition, Func<Completion<TValue>, CompletedVisit> of, Func<CompletedVisit, ValueTask> complete)
        where TValue : class
        where TEvent : struct =>
        engine.Aggregate(definition, options => options.OnCompleteBatch = async (visits, _) =>
        {
            foreach (Completion<TValue> visit in visits)
                await complete(of(visit)).ConfigureAwait(false);
        });

    private sealed class Merging<TValue, TEvent>(Aggregator<string, TValue, TEvent> aggregator, Func<PageView, long, TEvent> contribution) : WorkerVisits
        where TValue : class
        where TEvent : struct
    {
        public override long NextSessionDeadlineTicks => aggregator.NextSessionDeadlineTicks;

        public override long Writes => aggregator.Writes;

        public override bool TryMerge(string key, in PageView view, long line, SourcePosition at) => aggregator.TryMerge(key, contribution(view, line), at);

        public override ValueTask MergeAsync(string key, PageView view, long line, SourcePosition at) => aggregator.MergeAsync(key, contribution(view, line), at);

        public override ValueTask SweepAsync() => aggregator.SweepAsync();

        public override ValueTask EndAllAsync() => aggregator.ExpireAllAsync();
    }
}
