using System.Collections.Immutable;
using Sluice.Harness.Linearizability;

namespace Sluice.LockFaults;

/// <summary>What happens to a referenced resource where processes die.</summary>
internal enum ReferenceLifeKind
{
    /// <summary>A reference is taken.</summary>
    Acquire,

    /// <summary>It is given back.</summary>
    Release,

    /// <summary>It is taken back, because its process was taken for dead.</summary>
    Lose,

    /// <summary>Its process takes it anew.</summary>
    Retake,

    /// <summary>Somebody counts the processes that hold the resource.</summary>
    Count,

    /// <summary>A callback begins.</summary>
    Enter,

    /// <summary>It ends, or its process does.</summary>
    Leave,

    /// <summary>It has succeeded for good: nobody runs it again.</summary>
    Complete,

    /// <summary>Somebody sees that nobody holds the resource and no callback is owed.</summary>
    Quiet,
}

/// <summary>An operation.</summary>
/// <param name="Kind">What.</param>
/// <param name="Handle">Which reference.</param>
/// <param name="Process">Whose.</param>
/// <param name="Generation">Of a callback.</param>
/// <param name="Token">Of a callback.</param>
/// <param name="IsDoubtful">Of a release: its reference may have been taken back before. Of a callback: its process stood still, so that somebody else may run it too.</param>
internal readonly record struct ReferenceLifeInput(ReferenceLifeKind Kind, long Handle, int Process = 0, long Generation = 0, long Token = 0, bool IsDoubtful = false);

/// <summary>Its answer.</summary>
/// <param name="Outcome">Of a release.</param>
/// <param name="Count">Of a count.</param>
internal readonly record struct ReferenceLifeOutput(DereferenceOutcome Outcome, long Count = 0);

/// <summary>References by handle, with their processes; what is owed, which callback runs, and the highest numbers.</summary>
internal sealed record ReferenceLifeState
{
    public static ReferenceLifeState Free { get; } = new();

    public ImmutableSortedDictionary<long, int> Held { get; init; } = ImmutableSortedDictionary<long, int>.Empty;

    /// <summary>Generations that have ended and whose callback has not succeeded for good; at most.</summary>
    public int Owed { get; init; }

    /// <summary>The last of them ended without a claim: until somebody has claimed it, whoever takes a reference goes on with it.</summary>
    public bool IsOpen { get; init; }

    /// <summary>How many of them may have been gone on with: nobody sees which of the two, a claim or a reference, came first.</summary>
    public int InDoubt { get; init; }

    /// <summary>The one of them whose callback has begun; 0 = none.</summary>
    public long Current { get; init; }

    /// <summary>The last one whose callback has begun.</summary>
    public long Generation { get; init; }

    /// <summary>The token of the callback that runs; 0 = none.</summary>
    public long Running { get; init; }

    public long Token { get; init; }

    public bool Equals(ReferenceLifeState? other) =>
        other is not null && (Owed, IsOpen, InDoubt, Current, Generation, Running, Token) == (other.Owed, other.IsOpen, other.InDoubt, other.Current, other.Generation, other.Running, other.Token) && Held.SequenceEqual(other.Held);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add((Owed, IsOpen, InDoubt, Current, Generation, Running, Token));
        foreach ((long handle, _) in Held)
            hash.Add(handle);
        return hash.ToHashCode();
    }

    /// <summary>With one more reference.</summary>
    public ReferenceLifeState With(long handle, int process) =>
        this with { Held = Held.Add(handle, process), IsOpen = false, InDoubt = InDoubt + (IsOpen ? 1 : 0) };

    /// <summary>Without a reference: the generation ends with the last one.</summary>
    public ReferenceLifeState Without(long handle)
    {
        ImmutableSortedDictionary<long, int> held = Held.Remove(handle);
        return held.IsEmpty ? this with { Held = held, Owed = Owed + 1, IsOpen = true } : this with { Held = held };
    }

    /// <summary>The last one was given back, with a claim: nothing stood in its way.</summary>
    public ReferenceLifeState Claimed() => this with { Owed = 1, IsOpen = false, InDoubt = 0 };
}

/// <summary>
/// References where processes die: the one who lets go last ends a generation, or whoever takes back the last reference of the dead; each generation owes one callback, which runs until it has
/// succeeded once, with tokens that grow, and not before that of the generation before it has.
/// </summary>
internal sealed class ReferenceLifeModel : ISequentialModel<ReferenceLifeState, ReferenceLifeInput, ReferenceLifeOutput>
{
    public ReferenceLifeState Initial => ReferenceLifeState.Free;

    public bool TryStep(ReferenceLifeState state, ReferenceLifeInput input, ReferenceLifeOutput output, bool isKnown, out ReferenceLifeState next)
    {
        next = state;
        bool isHeld = state.Held.ContainsKey(input.Handle);
        switch (input.Kind)
        {
            case ReferenceLifeKind.Acquire:
            case ReferenceLifeKind.Retake:
                next = isHeld ? state : state.With(input.Handle, input.Process);
                return true;
            case ReferenceLifeKind.Lose:
                next = isHeld ? state.Without(input.Handle) : state;
                return true;
            case ReferenceLifeKind.Release:
                return TryRelease(state, input, output, isKnown, isHeld, out next);
            case ReferenceLifeKind.Count:
                return !isKnown || output.Count == state.Held.Values.Distinct().Count();
            case ReferenceLifeKind.Enter:
                return TryEnter(state, input, out next);
            case ReferenceLifeKind.Leave:
                next = state with { Running = 0 };
                return state.Running == input.Token;
            case ReferenceLifeKind.Complete:
                next = state with { Current = 0, Owed = state.Owed - 1, InDoubt = Math.Min(state.InDoubt, state.Owed - 1) };
                return state.Current == input.Generation;
            default:
                return state is { Held.IsEmpty: true, Running: 0, Current: 0 } && state.Owed <= state.InDoubt;
        }
    }

    private static bool TryRelease(ReferenceLifeState state, ReferenceLifeInput input, ReferenceLifeOutput output, bool isKnown, bool isHeld, out ReferenceLifeState next)
    {
        next = isHeld ? state.Without(input.Handle) : state;
        if (!isKnown)
            return true;
        bool isLast = isHeld && next.Held.IsEmpty;
        return output.Outcome switch
        {
            DereferenceOutcome.NotHeld => !isLast,
            DereferenceOutcome.StillReferenced => !isLast && (isHeld || input.IsDoubtful),
            DereferenceOutcome.LastOutElsewhere => isLast,
            _ => isLast && TryClaim(state, ref next),
        };
    }

    /// <summary>Callbacks are in order: a claim comes along only when that of every generation before has succeeded, or has been gone on with.</summary>
    private static bool TryClaim(ReferenceLifeState state, ref ReferenceLifeState next)
    {
        next = next.Claimed();
        return state.Current == 0 && state.Owed <= state.InDoubt;
    }

    private static bool TryEnter(ReferenceLifeState state, ReferenceLifeInput input, out ReferenceLifeState next)
    {
        next = state with { Current = input.Generation, Generation = input.Generation, Token = input.Token, Running = input.IsDoubtful ? state.Running : input.Token, IsOpen = state.IsOpen && state.Owed > 1 };
        if (input.Token <= state.Token || (state.Running != 0 && !input.IsDoubtful))
            return false;

        // The one that is under way once more, or the next.
        return state.Current == input.Generation || (state.Current == 0 && state.Owed > 0 && input.Generation > state.Generation);
    }
}
