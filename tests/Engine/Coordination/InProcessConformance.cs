using Sluice.Harness;
using Sluice.Harness.Conformance;

namespace Sluice.Tests.Coordination;

/// <summary>The in-process coordinator keeps every promise of the protocol, and no request leaves a partition unsound.</summary>
public sealed class InProcessConformance : CoordinatorConformance
{
    internal override ValueTask<ConformanceServer> CreateAsync() => new(new Server());

    private sealed class Server : ConformanceServer
    {
        private readonly HandDrivenTimeProvider _time = new();

        public Server() => Coordinator = new CheckedCoordinator(new InProcessCoordinator(_time));

        public override Coordinator Coordinator { get; }

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
    }
}
