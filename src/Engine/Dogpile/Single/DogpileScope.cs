using System.Runtime.InteropServices;
using Sluice.Dogpiling;

namespace Sluice;

/// <summary>How a caller came by its value.</summary>
public enum DogpileOutcome
{
    /// <summary>It was there and young enough.</summary>
    Current,

    /// <summary>It was too old, and somebody else was creating the next one: the caller fell through to the old one.</summary>
    Stale,

    /// <summary>This caller created it.</summary>
    Created,

    /// <summary>There was none, or this caller had to have a new one, and it waited for somebody else's creation.</summary>
    Waited,
}

/// <summary>A reader's section: the value, and, with a <see cref="SyncReaderDogpile{TValue}"/>, the promise that nobody replaces it before disposal.</summary>
/// <typeparam name="TValue">The value.</typeparam>
/// <remarks>Dispose it once done, on any thread; disposing again, or a copy, does nothing.</remarks>
[StructLayout(LayoutKind.Auto)]
public readonly struct DogpileScope<TValue> : IDisposable, IAsyncDisposable
{
    private readonly ReaderSection? _section;

    internal DogpileScope(TValue value, DateTimeOffset? createdAt, DogpileOutcome outcome, ReaderSection? section = null)
    {
        Value = value;
        CreatedAt = createdAt;
        Outcome = outcome;
        _section = section;
    }

    /// <summary>The value.</summary>
    public TValue Value { get; }

    /// <summary>When it was created; null only when a getter that should know did not say.</summary>
    public DateTimeOffset? CreatedAt { get; }

    /// <summary>How the caller came by it.</summary>
    public DogpileOutcome Outcome { get; }

    /// <summary>Ends the section.</summary>
    public void Dispose() => _section?.Dispose();

    /// <summary>Ends the section; completes at once.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    internal DogpileScope<TValue> Within(ReaderSection section) => new(Value, CreatedAt, Outcome, section);
}
