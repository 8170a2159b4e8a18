using Sluice.Coordination;
using Sluice.Locking;

namespace Sluice.Harness.Conformance;

/// <summary>
/// A lock coordinator under test, with the clock of its server. Tests speak of two durations only: <see cref="Short"/>, which they let pass, and
/// <see cref="ConformanceServer.Long"/>, which never passes.
/// </summary>
internal abstract class LockConformanceServer : IAsyncDisposable
{
    public abstract LockCoordinator Coordinator { get; }

    /// <summary>In microseconds: long against a request, short against a person's patience.</summary>
    public abstract long Short { get; }

    /// <summary>What no other test and no earlier run has used on this server.</summary>
    public abstract string Prefix { get; }

    /// <summary>Whether <see cref="StepClockAsync"/> works.</summary>
    public virtual bool CanStepClock => false;

    /// <summary>Whether several resources of a partition are taken by one request.</summary>
    public virtual bool TakesSeveral => true;

    /// <summary>Returns when the server's clock has gone on by at least <paramref name="micros"/>.</summary>
    public abstract ValueTask ElapseAsync(long micros);

    /// <summary>Sets the server's clock forward or back, as an administrator would.</summary>
    public virtual ValueTask StepClockAsync(long micros) => throw new NotSupportedException("This server's clock can't be set.");

    /// <summary>Names of resources that are all there still is of the namespace, sessions included; for "nothing is left behind".</summary>
    public abstract ValueTask<IReadOnlyList<string>> LeftoversAsync(LockNamespace space, int partition);

    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
