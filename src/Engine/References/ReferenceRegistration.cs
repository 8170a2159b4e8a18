using Sluice.Completing;
using Sluice.Coordination;
using Sluice.Locking;
using Sluice.Running;

namespace Sluice.Referencing;

/// <summary>What an engine makes of a set of references: an aggregate's runtime with other terms, and a table in the place of its cache.</summary>
internal static class ReferenceRegistration
{
    /// <exception cref="ArgumentException">The name is none.</exception>
    /// <exception cref="OptionsException">An option is outside its range.</exception>
    public static (ReferenceDefinition Definition, ReferenceOptions Options) Check(
        string name, Func<LastRelease, CancellationToken, ValueTask> onLastRelease, Action<ReferenceOptions>? configure)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(onLastRelease);
        if (name.Length > ReferenceDefinition.MaxNameLength)
            throw new ArgumentException($"The name '{name}' has more than {ReferenceDefinition.MaxNameLength} characters.", nameof(name));
        ReferenceOptions options = new();
        configure?.Invoke(options);
        options.Validate(name);
        return (new ReferenceDefinition(name), options);
    }

    public static AggregateRuntime Start(
        SluiceEngine engine, string name, ReferenceDefinition definition, Func<LastRelease, CancellationToken, ValueTask> onLastRelease, ReferenceOptions options)
    {
        EngineOptions all = engine.Options;
        CoordinationNamespace space = new(all.Prefix, definition.Schema, all.Partitions, engine.Coordinator.Servers);
        AggregateRuntime runtime = new(engine, space, TermsOf(all));
        CompletionTerms terms = new()
        {
            Concurrency = options.MaxConcurrentCallbacks,
            BulkSize = 0,
            MaxAttempts = options.MaxAttempts,
            FirstBackoff = options.Backoff,
            LastBackoff = options.MaxBackoff,
            ClaimLease = all.ClaimLease,
            DurabilityWindow = all.DurabilityWindow,
            Poison = options.Poison == PoisonHandling.Skip ? PoisonRule.Skip : PoisonRule.Park,
            DeadLetterLimit = all.DeadLetterLimit,
        };
        Completer completer = new(
            space, definition, engine.Coordinator, terms, new LastReleaseHandler(name, onLastRelease), new CompletionObserver(runtime), runtime.Seen, all.TimeProvider, all.Work);
        runtime.Start(new ReferenceTable(runtime), completer, compactor: null);
        return runtime;
    }

    /// <summary>Nothing but a release, a death or force ends a generation: no linger, no deadline, no limit.</summary>
    private static FlushTerms TermsOf(EngineOptions options) => new(
        Durations.Micros(options.LeaseDuration), Linger: 0, Hard: Durations.Never, Inactivity: 0, Durations.Micros(options.TombstoneLife), OpenLimit: int.MaxValue, options.DeadLetterLimit)
    {
        References = new ReferenceTerms(
            Durations.Micros(options.ClaimLease), ReferenceDefinition.HolderOf(LockTerms.Of(options.Locks, options.RequestTimeout, runsOut: true).Description)),
    };
}
