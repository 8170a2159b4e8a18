using System.Collections.Concurrent;

namespace Sluice.Harness;

/// <summary>A fresh folder that disappears, with what is in it, on disposal.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private static readonly ConcurrentDictionary<string, bool> LiveFolders = new(StringComparer.Ordinal);

    /// <summary>Makes the folder.</summary>
    public TemporaryFolder()
    {
        Path = Directory.CreateTempSubdirectory("sluice-").FullName;
        LiveFolders[Path] = true;
    }

    /// <summary>The folders that were made and not disposed.</summary>
    public static IReadOnlyCollection<string> Live => [.. LiveFolders.Keys];

    /// <summary>Its full path.</summary>
    public string Path { get; }

    /// <summary>A file or folder in it.</summary>
    public string this[params ReadOnlySpan<string> parts] => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Deletes it. Idempotent.</summary>
    public void Dispose()
    {
        if (LiveFolders.TryRemove(Path, out _))
            Directory.Delete(Path, recursive: true);
    }
}
