using Sluice.Locking;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>
/// The lock protocol as tests against the port: what a coordinator must keep, or two hold what one may hold, or nobody is granted what is free. Every
/// coordinator's test project derives from it, supplies its server, and adds nothing else.
/// </summary>
/// <remarks>
/// Each test has a partition of its own. A promise about what does not happen is tested with durations that never pass, a promise about what happens with durations that
/// the server lets pass.
/// </remarks>
public abstract partial class LockConformance : IAsyncLifetime
{
    private const long Long = ConformanceServer.Long;

    private LockConformanceServer _server = null!;

    private LockPartitionUnderTest Partition { get; set; } = null!;

    private long Short => _server.Short;

    public async ValueTask InitializeAsync()
    {
        _server = await CreateAsync();
        Partition = new LockPartitionUnderTest(_server, new LockNamespace(_server.Prefix, 4));
    }

    public async ValueTask DisposeAsync()
    {
        await Partition.DisposeAsync();
        await _server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>A server for one test; several may share a process behind it, as their prefixes differ.</summary>
    internal abstract ValueTask<LockConformanceServer> CreateAsync();

    private Task<SessionUnderTest> OpenAsync() => Partition.OpenAsync();

    private ValueTask ElapseAsync() => _server.ElapseAsync(Short);

    private async Task AssertNothingIsLeftAsync() => Assert.Empty(await Partition.LeftoversAsync());

    private static void AssertGranted(HandleUnderTest handle) => Assert.Equal(AcquireStatus.Granted, handle.Status);

    private static void AssertWaits(HandleUnderTest handle) => Assert.Equal(AcquireStatus.Waiting, handle.Status);
}
