using Sluice.Aggregates;
using Sluice.Coordination;

namespace Sluice.Harness.Conformance;

/// <summary>
/// A coordinator under test, with the clock of its server. Tests speak of two durations only: <see cref="Short"/>, which they let pass, and
/// <see cref="Long"/>, which never passes; so a server whose clock can't be driven by hand passes the same tests in real time.
/// </summary>
internal abstract class ConformanceServer : IAsyncDisposable
{
    /// <summary>In microseconds: longer than any test.</summary>
    public const long Long = 3_600_000_000;

    public abstract Coordinator Coordinator { get; }

    /// <summary>In microseconds: long against a request, short against a person's patience.</summary>
    public abstract long Short { get; }

    /// <summary>What no other test and no earlier run has used on this server.</summary>
    public abstract string Prefix { get; }

    /// <summary>Whether <see cref="StepClockAsync"/> works.</summary>
    public virtual bool CanStepClock => false;

    /// <summary>Returns when the server's clock has gone on by at least <paramref name="micros"/>.</summary>
    public abstract ValueTask ElapseAsync(long micros);

    /// <summary>Sets the server's clock forward or back, as an administrator would.</summary>
    public virtual ValueTask StepClockAsync(long micros) => throw new NotSupportedException("This server's clock can't be set.");

    public CoordinationNamespace Namespace(AggregateSchema schema, string suffix = "", int partitions = 4) => new(Prefix + suffix, schema, partitions);

    public virtual ValueTask DisposeAsync() => Coordinator.DisposeAsync();
}
