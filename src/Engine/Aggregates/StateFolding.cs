using System.ComponentModel;

namespace Sluice.Aggregates;

/// <summary>What the generator adds to the state of an aggregate with opaque fields: merging them needs the application's code, and so other moments.</summary>
/// <typeparam name="TSelf">The state itself.</typeparam>
/// <remarks>Code that generated code implements; not meant to be used directly.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface IFoldingState<TSelf>
    where TSelf : struct, IFoldingState<TSelf>
{
    /// <summary>A copy of the opaque fields; the others are empty in it. Runs no code of the application.</summary>
    TSelf Unfolded();

    /// <summary>Merges each opaque field's deltas into one. Runs the application's code: neither lock nor claim may be held.</summary>
    /// <exception cref="OpaqueStateException">It threw.</exception>
    void Fold();

    /// <summary>Takes over what a folded copy has merged, where its deltas are still there. Runs no code of the application.</summary>
    /// <param name="folded">A copy made by <see cref="Unfolded"/>, after <see cref="Fold"/>.</param>
    void Adopt(in TSelf folded);
}

/// <summary>Makes the folding of a state.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class StateFolding
{
    /// <summary>The folding of a generated state with opaque fields.</summary>
    /// <typeparam name="TState">The state.</typeparam>
    public static StateFolding<TState> Of<TState>()
        where TState : struct, IFoldingState<TState> => new GeneratedFolding<TState>();
}

/// <summary>Folds the states of one type, for code that knows only that some types of states can be folded.</summary>
/// <typeparam name="TState">The state.</typeparam>
/// <remarks>Stateless. A virtual call instead of a test for the interface, which would put the state into a box.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class StateFolding<TState>
    where TState : struct
{
    private protected StateFolding()
    {
    }

    internal abstract TState Unfolded(in TState state);

    internal abstract void Fold(ref TState state);

    internal abstract void Adopt(ref TState state, in TState folded);
}

internal sealed class GeneratedFolding<TState> : StateFolding<TState>
    where TState : struct, IFoldingState<TState>
{
    internal override TState Unfolded(in TState state) => state.Unfolded();

    internal override void Fold(ref TState state) => state.Fold();

    internal override void Adopt(ref TState state, in TState folded) => state.Adopt(in folded);
}
