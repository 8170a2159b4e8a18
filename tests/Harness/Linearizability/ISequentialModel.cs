namespace Sluice.Harness.Linearizability;

/// <summary>What one object does when its operations come one after the other: what a concurrent history is compared with.</summary>
/// <typeparam name="TState">An immutable value with equality: the search remembers where it has been.</typeparam>
/// <typeparam name="TInput">What an operation asks.</typeparam>
/// <typeparam name="TOutput">What it was answered.</typeparam>
public interface ISequentialModel<TState, in TInput, in TOutput>
    where TState : IEquatable<TState>
{
    /// <summary>Before the first operation.</summary>
    TState Initial { get; }

    /// <summary>
    /// Whether the operation can have had this answer in this state, and what it leads to. <paramref name="isKnown"/> false: nobody knows its answer; then
    /// the model says what it leads to if it took effect, and the search also tries that it never did.
    /// </summary>
    bool TryStep(TState state, TInput input, TOutput output, bool isKnown, out TState next);
}

/// <summary>One operation of a history.</summary>
/// <typeparam name="TInput">What it asks.</typeparam>
/// <typeparam name="TOutput">What it was answered.</typeparam>
/// <param name="Key">The object: histories of different objects are checked apart.</param>
/// <param name="Process">Who called.</param>
/// <param name="Input">What it asked.</param>
/// <param name="Output">What it was answered.</param>
/// <param name="Called">When it was called, on one clock for all.</param>
/// <param name="Returned">When it returned; <see cref="long.MaxValue"/> = it never did, and may take effect at any time after its call, or never.</param>
public sealed record Operation<TInput, TOutput>(string Key, int Process, TInput Input, TOutput Output, long Called, long Returned)
{
    /// <summary>Whether its answer is known.</summary>
    public bool IsKnown => Returned != long.MaxValue;
}
