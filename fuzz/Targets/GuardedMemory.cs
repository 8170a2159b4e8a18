using Sluice.Resp.Tests.Protocol;

namespace Sluice.Fuzz.Targets;

/// <summary>A place for an input directly in front of memory that can't be touched; where that can't be had, any memory.</summary>
internal sealed class GuardedMemory : IDisposable
{
    private readonly GuardPage? _page = GuardPage.Unavailable is null ? new GuardPage(FuzzTarget.MaxInput / Environment.SystemPageSize) : null;

    /// <summary>A copy that is valid until the next call.</summary>
    public ReadOnlySpan<byte> AtTheEnd(ReadOnlySpan<byte> bytes) => _page is null ? bytes.ToArray() : _page.AtTheEnd(bytes);

    public void Dispose() => _page?.Dispose();
}
