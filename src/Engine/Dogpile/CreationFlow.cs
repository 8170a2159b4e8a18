namespace Sluice.Dogpiling;

/// <summary>
/// A creation as seen by those who wait: who it waits for itself. A creator that asks for what it is creating, directly or round three corners, would
/// wait for itself for ever; here it is told.
/// </summary>
/// <remarks>
/// The current creation travels with the execution context, so it is known wherever the creator's awaits lead. It is read only by who is about to wait
/// (never on a hit). An edge "x waits for y" exists exactly while code of x's flow waits for y; a wait that would close a circle is refused before it
/// begins. One lock for all edges: only creators that wait for other creations take it.
/// </remarks>
internal abstract class CreationFlow
{
    private static readonly AsyncLocal<CreationFlow?> Innermost = new();
    private static readonly Lock Edges = new();

    // Guarded by Edges. A creator may wait for several at once.
    private readonly List<CreationFlow> _waitsFor = [];

    /// <summary>What a person calls the thing that is being created.</summary>
    public abstract string Name { get; }

    /// <summary>The creation whose creator this code is part of, or null.</summary>
    public static CreationFlow? Current => Innermost.Value;

    /// <summary>Marks what follows as this creation's. Call it in an async method: the mark ends with that method.</summary>
    protected void Enter() => Innermost.Value = this;

    /// <summary>Notes that the current creation, if there is one, waits for <paramref name="other"/>; give the result to <see cref="EndWait"/>.</summary>
    /// <exception cref="ReentrantCreationException">The other one waits for this one already.</exception>
    public static CreationFlow? BeginWait(CreationFlow other)
    {
        CreationFlow? waiting = Current;
        if (waiting is null)
            return null;
        lock (Edges)
        {
            List<CreationFlow> way = [];
            if (other.Reaches(waiting, way))
                throw new ReentrantCreationException(string.Join(" -> ", way.Prepend(waiting).Select(static flow => $"'{flow.Name}'")));
            waiting._waitsFor.Add(other);
        }

        return waiting;
    }

    public static void EndWait(CreationFlow? waiting, CreationFlow other)
    {
        if (waiting is null)
            return;
        lock (Edges)
            waiting._waitsFor.Remove(other);
    }

    // There are no circles to run into: this check keeps them out.
    private bool Reaches(CreationFlow target, List<CreationFlow> way)
    {
        way.Add(this);
        if (ReferenceEquals(this, target))
            return true;
        foreach (CreationFlow next in _waitsFor)
        {
            if (next.Reaches(target, way))
                return true;
        }

        way.RemoveAt(way.Count - 1);
        return false;
    }
}

/// <summary>A creation that occupies a key's place, whatever the type of its value.</summary>
internal interface IKeyCreation
{
    /// <summary>Everybody who waited has left, so how it ends is nobody's.</summary>
    bool WasLeft { get; }

    /// <inheritdoc cref="Creation{TResult}.WaitForEndAsync"/>
    ValueTask WaitForEndAsync(CancellationToken cancellation);

    /// <inheritdoc cref="Creation{TResult}.Supersede"/>
    void Supersede();

    /// <inheritdoc cref="Creation{TResult}.Cancel"/>
    void Cancel();
}
