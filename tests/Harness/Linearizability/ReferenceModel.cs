using System.Collections.Immutable;

namespace Sluice.Harness.Linearizability;

/// <summary>What is done with a referenced resource.</summary>
public enum ReferenceOperationKind
{
    /// <summary>An engine takes a reference.</summary>
    Acquire,

    /// <summary>An engine gives one back.</summary>
    Release,

    /// <summary>Somebody counts the engines that hold the resource.</summary>
    Count,

    /// <summary>A callback begins.</summary>
    Enter,

    /// <summary>The callback ends and has succeeded.</summary>
    Leave,

    /// <summary>The callback ends and has failed.</summary>
    Fail,
}

/// <summary>An operation on a referenced resource.</summary>
/// <param name="Kind">What.</param>
/// <param name="Engine">Whose reference.</param>
public readonly record struct ReferenceInput(ReferenceOperationKind Kind, int Engine);

/// <summary>Its answer.</summary>
/// <param name="Number">Of a count: how many. Of a callback that begins: its token.</param>
/// <param name="IsLast">Of a release.</param>
public readonly record struct ReferenceOutput(long Number, bool IsLast);

/// <summary>Who holds how many references, how many callbacks are owed, whether one runs, and its token.</summary>
public sealed record ReferenceModelState
{
    private ReferenceModelState()
    {
    }

    /// <summary>Nobody holds anything.</summary>
    public static ReferenceModelState Free { get; } = new();

    /// <summary>References by engine.</summary>
    public ImmutableSortedDictionary<int, int> References { get; private init; } = ImmutableSortedDictionary<int, int>.Empty;

    /// <summary>Ends of generations whose callback has not succeeded.</summary>
    public int Owed { get; private init; }

    /// <summary>Whether a callback runs.</summary>
    public bool IsRunning { get; private init; }

    /// <summary>The highest token.</summary>
    public long Token { get; private init; }

    /// <inheritdoc/>
    public bool Equals(ReferenceModelState? other) =>
        other is not null && Owed == other.Owed && IsRunning == other.IsRunning && Token == other.Token && References.SequenceEqual(other.References);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(Owed);
        hash.Add(Token);
        foreach ((int engine, int references) in References)
            hash.Add((engine, references));
        return hash.ToHashCode();
    }

    internal ReferenceModelState With(int engine, int references) =>
        this with { References = references == 0 ? References.Remove(engine) : References.SetItem(engine, references) };

    internal ReferenceModelState Owe() => this with { Owed = Owed + 1 };

    internal ReferenceModelState Enter(long token) => this with { IsRunning = true, Token = token };

    internal ReferenceModelState Leave(bool succeeded) => this with { IsRunning = false, Owed = Owed - (succeeded ? 1 : 0) };
}

/// <summary>
/// References: the count is of engines; a release is the last exactly if nobody holds a reference after it; each of those owes one callback, callbacks run one at a time with
/// tokens that grow, and one that failed is still owed.
/// </summary>
public sealed class ReferenceModel : ISequentialModel<ReferenceModelState, ReferenceInput, ReferenceOutput>
{
    /// <inheritdoc/>
    public ReferenceModelState Initial => ReferenceModelState.Free;

    /// <inheritdoc/>
    public bool TryStep(ReferenceModelState state, ReferenceInput input, ReferenceOutput output, bool isKnown, out ReferenceModelState next)
    {
        ArgumentNullException.ThrowIfNull(state);
        next = state;
        int held = state.References.GetValueOrDefault(input.Engine);
        switch (input.Kind)
        {
            case ReferenceOperationKind.Acquire:
                next = state.With(input.Engine, held + 1);
                return true;
            case ReferenceOperationKind.Release:
                if (held == 0)
                    return false;
                next = state.With(input.Engine, held - 1);
                bool isLast = next.References.IsEmpty;
                if (isLast)
                    next = next.Owe();
                return !isKnown || output.IsLast == isLast;
            case ReferenceOperationKind.Count:
                return !isKnown || output.Number == state.References.Count;
            case ReferenceOperationKind.Enter:
                if (state.IsRunning || state.Owed == 0 || output.Number <= state.Token)
                    return false;
                next = state.Enter(output.Number);
                return true;
            default:
                if (!state.IsRunning)
                    return false;
                next = state.Leave(input.Kind == ReferenceOperationKind.Leave);
                return true;
        }
    }
}
