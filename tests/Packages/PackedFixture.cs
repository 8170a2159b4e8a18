using Sluice.Harness;

namespace Sluice.Packages.Tests;

/// <summary>
/// The packages, packed once from what was built with these tests. One for all classes that look at them: packing writes beside the build's files, so two that pack at once fail each other.
/// </summary>
[Xunit.CollectionDefinition(Once)]
public sealed class PackedFixture : Xunit.IAsyncLifetime, Xunit.ICollectionFixture<PackedFixture>
{
    /// <summary>The collection of those classes.</summary>
    public const string Once = "packed once";

    private readonly TemporaryFolder _folder = new();

    /// <summary>Where the packages are.</summary>
    public string Folder => _folder.Path;

    public async ValueTask InitializeAsync()
    {
        string solution = Path.Combine(Repository.Root, "Engine.sln");
        await DotnetCommand.RunAsync(["pack", solution, "--no-build", "-c", Repository.Configuration, "-o", Folder, "-v", "quiet"], Repository.Root);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
