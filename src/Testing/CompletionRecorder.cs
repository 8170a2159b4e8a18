using System.Collections.Immutable;

namespace Sluice.Testing;

/// <summary>A completion handler that remembers what it was given. Thread-safe; engines may share one.</summary>
/// <typeparam name="TValue">The aggregate.</typeparam>
public sealed class CompletionRecorder<TValue>
    where TValue : class
{
    private readonly Lock _gate = new();
    private ImmutableArray<Completion<TValue>> _all = [];
    private ImmutableArray<Completion<TValue>> _refused = [];
    private int _failures;

    /// <summary>What was taken, in the order in which it arrived. Between keys that order means nothing.</summary>
    public ImmutableArray<Completion<TValue>> All
    {
        get
        {
            lock (_gate)
                return _all;
        }
    }

    /// <summary>What was refused because of <see cref="RefuseNext"/>, in the order in which it arrived.</summary>
    public ImmutableArray<Completion<TValue>> Refused
    {
        get
        {
            lock (_gate)
                return _refused;
        }
    }

    /// <summary>Remembers a completion: set it as <see cref="AggregateOptions{TValue}.OnComplete"/>.</summary>
    /// <param name="completion">What the engine hands over.</param>
    /// <param name="lost">Not used.</param>
    public ValueTask RecordAsync(Completion<TValue> completion, CancellationToken lost)
    {
        ArgumentNullException.ThrowIfNull(completion);
        lock (_gate)
        {
            if (_failures == 0)
            {
                _all = _all.Add(completion);
            }
            else
            {
                _failures--;
                _refused = _refused.Add(completion);
                completion.Fail("The recorder was told to refuse it.");
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Remembers completions: set it as <see cref="AggregateOptions{TValue}.OnCompleteBatch"/>.</summary>
    /// <param name="completions">What the engine hands over.</param>
    /// <param name="lost">Not used.</param>
    public async ValueTask RecordBatchAsync(IReadOnlyList<Completion<TValue>> completions, CancellationToken lost)
    {
        ArgumentNullException.ThrowIfNull(completions);
        foreach (Completion<TValue> completion in completions)
            await RecordAsync(completion, lost).ConfigureAwait(false);
    }

    /// <summary>Refuses what comes next, as a database that is away would: it is delivered again after the back-off.</summary>
    /// <param name="count">How many, 0 or more.</param>
    public void RefuseNext(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        lock (_gate)
            _failures = count;
    }

    /// <summary>The only completion of a resource.</summary>
    /// <param name="resource">The resource's key as text.</param>
    /// <exception cref="InvalidOperationException">There is none, or more than one; the message says what there is.</exception>
    public Completion<TValue> Single(string resource)
    {
        ArgumentNullException.ThrowIfNull(resource);
        ImmutableArray<Completion<TValue>> all = All;
        Completion<TValue>[] found = [.. all.Where(completion => string.Equals(completion.Resource, resource, StringComparison.Ordinal))];
        if (found.Length == 1)
            return found[0];
        string others = all.Length == 0 ? "Nothing was completed." : $"Completed were: {string.Join(", ", all.Select(static completion => $"{completion.Resource} ({completion.Reason})"))}.";
        throw new InvalidOperationException($"'{resource}' was completed {found.Length} times instead of once. {others}");
    }

    /// <summary>Forgets what was taken and refused, and returns what was taken.</summary>
    public ImmutableArray<Completion<TValue>> Take()
    {
        lock (_gate)
        {
            ImmutableArray<Completion<TValue>> taken = _all;
            (_all, _refused) = ([], []);
            return taken;
        }
    }
}
