using System.Collections.Immutable;

namespace Sluice.Harness.Linearizability;

/// <summary>What is done with a lock.</summary>
public enum LockOperationKind
{
    /// <summary>Alone.</summary>
    AcquireExclusive,

    /// <summary>With other readers.</summary>
    AcquireShared,

    /// <summary>One of so many.</summary>
    AcquirePermit,

    /// <summary>The end of a hold: by release, or because the holder's deadline passed.</summary>
    End,
}

/// <summary>An operation on a lock.</summary>
/// <param name="Kind">What.</param>
/// <param name="Handle">Which acquisition: the end names the one that it ends.</param>
public readonly record struct LockInput(LockOperationKind Kind, long Handle);

/// <summary>Its answer.</summary>
/// <param name="IsGranted">Of an acquisition: false = somebody else had it.</param>
/// <param name="Token">Of a granted one.</param>
public readonly record struct LockOutput(bool IsGranted, long Token);

/// <summary>Holders, as a set, and the highest token.</summary>
public sealed class LockModelState : IEquatable<LockModelState>
{
    private readonly ImmutableSortedDictionary<long, LockOperationKind> _holders;

    private LockModelState(ImmutableSortedDictionary<long, LockOperationKind> holders, long token) => (_holders, Token) = (holders, token);

    /// <summary>Nobody holds.</summary>
    public static LockModelState Free { get; } = new(ImmutableSortedDictionary<long, LockOperationKind>.Empty, 0);

    /// <summary>The highest that was granted.</summary>
    public long Token { get; }

    /// <summary>Who holds, by handle.</summary>
    public IReadOnlyDictionary<long, LockOperationKind> Holders => _holders;

    /// <summary>One more holder.</summary>
    public LockModelState With(long handle, LockOperationKind kind, long token) => new(_holders.Add(handle, kind), token);

    /// <summary>One less.</summary>
    public LockModelState Without(long handle) => new(_holders.Remove(handle), Token);

    /// <inheritdoc/>
    public bool Equals(LockModelState? other) => other is not null && Token == other.Token && _holders.SequenceEqual(other._holders);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LockModelState);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(Token);
        foreach (long handle in _holders.Keys)
            hash.Add(handle);
        return hash.ToHashCode();
    }
}

/// <summary>
/// Mutexes, semaphores and reader-writer locks: an acquisition is granted when it fits, with a higher token than all before; it is refused only when it does not
/// fit. Who has to wait and for whom is not part of it.
/// </summary>
/// <param name="permits">Of a semaphore.</param>
/// <param name="refusesOnlyWhenHeld">False for locks that also refuse because somebody waits.</param>
public sealed class LockModel(int permits = 1, bool refusesOnlyWhenHeld = true) : ISequentialModel<LockModelState, LockInput, LockOutput>
{
    /// <inheritdoc/>
    public LockModelState Initial => LockModelState.Free;

    /// <inheritdoc/>
    public bool TryStep(LockModelState state, LockInput input, LockOutput output, bool isKnown, out LockModelState next)
    {
        ArgumentNullException.ThrowIfNull(state);
        next = state;
        if (input.Kind == LockOperationKind.End)
        {
            next = state.Without(input.Handle);
            return state.Holders.ContainsKey(input.Handle);
        }

        bool fits = Fits(state, input.Kind);
        if (isKnown && !output.IsGranted)
            return !fits || !refusesOnlyWhenHeld;
        if (!fits || (isKnown && output.Token <= state.Token))
            return false;
        next = state.With(input.Handle, input.Kind, isKnown ? output.Token : state.Token);
        return true;
    }

    private bool Fits(LockModelState state, LockOperationKind kind) => kind switch
    {
        LockOperationKind.AcquireExclusive => state.Holders.Count == 0,
        LockOperationKind.AcquireShared => state.Holders.Values.All(static held => held == LockOperationKind.AcquireShared),
        _ => state.Holders.Count < permits,
    };
}
