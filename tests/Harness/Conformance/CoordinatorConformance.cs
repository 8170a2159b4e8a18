using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>
/// The protocol as tests against the port: what a coordinator must keep, or sessions are lost or completed twice. Every coordinator's test project
/// derives from it, supplies its server, and adds nothing else.
/// </summary>
/// <remarks>
/// Each test has a partition of its own. A promise about what does not happen is tested with durations that never pass, a promise about what happens
/// with durations that the server lets pass; exact moments are compared with the server time that the same reply carries.
/// </remarks>
public abstract partial class CoordinatorConformance : IAsyncLifetime
{
    private const long Never = Durations.Never;
    private const long Long = ConformanceServer.Long;

    private ConformanceServer _server = null!;

    private PartitionUnderTest Partition { get; set; } = null!;

    private long Short => _server.Short;

    /// <summary>Ends sessions as soon as they can end.</summary>
    private static FlushTerms AtOnce => PartitionUnderTest.Terms with { Linger = 0 };

    public async ValueTask InitializeAsync()
    {
        _server = await CreateAsync();
        Partition = new PartitionUnderTest(_server, _server.Namespace(Item.Schema));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>A server for one test; several may share a process behind it, as their prefixes differ.</summary>
    internal abstract ValueTask<ConformanceServer> CreateAsync();

    /// <summary>Flushes sessions that are due at once, and claims them.</summary>
    private async Task<IReadOnlyList<ClaimedSession>> CompleteSessionsAsync(params string[] resources)
    {
        LaneUnderTest lane = await Partition.NewLaneAsync(AtOnce);
        await lane.FlushAsync([.. resources.Select(static resource => Item.Drop(resource, 1))]);
        return (await Partition.ClaimAsync()).Claims;
    }

    private async Task<ClaimedSession> ClaimOneAsync(long lease = Long) => Assert.Single((await Partition.ClaimAsync(lease: lease)).Claims);

    private async Task AssertNothingToClaimAsync() => Assert.Empty((await Partition.ClaimAsync()).Claims);

    private ValueTask ElapseAsync() => _server.ElapseAsync(Short);
}
