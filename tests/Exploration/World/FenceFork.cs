using System.Runtime.CompilerServices;
using Sluice.Coordination;
using Sluice.Flushing;

namespace Sluice.Exploration;

/// <summary>As <see cref="LaneFork"/>, for what the lanes of an engine know of fences.</summary>
internal static class FenceFork
{
    public static FencePolicy Of(FencePolicy policy)
    {
        FencePolicy fork = (FencePolicy)MemberwiseClone(policy);
        Covered(fork) = [.. Covered(policy)];
        return fork;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_covered")]
    public static extern ref HashSet<IncarnationId> Covered(FencePolicy policy);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "MemberwiseClone")]
    private static extern object MemberwiseClone(object origin);
}
