using Sluice.Harness;
using Sluice.Harness.Conformance;
using Sluice.Locking;
using Xunit;

namespace Sluice.Tests.Locks;

/// <summary>The in-process coordinator keeps every promise of the lock protocol, and no test leaves a partition unsound.</summary>
public sealed class InProcessLockConformance : LockConformance
{
    internal override ValueTask<LockConformanceServer> CreateAsync() => new(new Server());

    private sealed class Server : LockConformanceServer
    {
        private readonly HandDrivenTimeProvider _time = new();
        private readonly InProcessLockCoordinator _coordinator;

        public Server() => _coordinator = new InProcessLockCoordinator(_time);

        public override LockCoordinator Coordinator => _coordinator;

        public override long Short => 1_000_000;

        public override string Prefix => "conformance";

        public override bool CanStepClock => true;

        public override ValueTask ElapseAsync(long micros)
        {
            _time.Advance(TimeSpan.FromMicroseconds(micros));
            return ValueTask.CompletedTask;
        }

        public override ValueTask StepClockAsync(long micros)
        {
            _time.SetUtcNow(_time.GetUtcNow() + TimeSpan.FromMicroseconds(micros));
            return ValueTask.CompletedTask;
        }

        public override ValueTask<IReadOnlyList<string>> LeftoversAsync(LockNamespace space, int partition)
        {
            LockPartitionState state = _coordinator.Snapshot(space, partition);
            return new([
                .. state.Records.Keys.Select(static resource => resource.ToString()),
                .. state.Sessions.Keys.Select(static session => session.ToString()),
                .. state.Ending.Keys.Select(static session => session.ToString()),
                .. state.Leases.Select(static lease => lease.ToString()),
                .. state.Bounds.Select(static bound => bound.ToString()),
            ]);
        }

        public override ValueTask DisposeAsync()
        {
            LockNamespace space = new(Prefix, 4);
            long now = (_time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
            Assert.Empty(LockInvariants.Check(_coordinator.Snapshot(space, 0), now));
            return base.DisposeAsync();
        }
    }
}
