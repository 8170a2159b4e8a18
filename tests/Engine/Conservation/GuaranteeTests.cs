using Sluice.Coordination;
using Sluice.Harness.Conformance;
using Xunit;

namespace Sluice.Tests.Conservation;

/// <summary>Lines of the guarantee matrix that no other test stands for.</summary>
public sealed class GuaranteeTests
{
    // What the matrix says is lost has to be, or somebody would rely on it.
    [Fact]
    public async Task A_coordinator_in_the_process_keeps_nothing_beyond_it()
    {
        CoordinationNamespace space = new("guarantee", Item.Schema, 1);
        FlushTerms terms = new(1_000_000, Linger: 0, Durations.Never, Inactivity: 0, TombstoneLife: 1_000_000_000, OpenLimit: 100, DeadLetterLimit: 10);
        await using InProcessCoordinator before = new();
        IncarnationId lane = new(before.Send(space, 0, new PokeRequest(0)).Now, 0, 1);
        Assert.Equal(FlushStatus.Applied, before.Send(space, 0, new FlushRequest(space.Layout, lane, 1, 1, [Item.Drop("a", 1)], terms)).Status);

        await using InProcessCoordinator after = new();
        Assert.Equal(0, after.Send(space, 0, new PokeRequest(0)).Open);
        Assert.Equal(FlushStatus.Unknown, after.Send(space, 0, new FlushRequest(space.Layout, lane, 2, 2, [Item.Drop("a", 1)], terms)).Status);
    }
}
