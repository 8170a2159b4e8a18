using Sluice.Harness;

namespace Sluice.Packages.Tests;

/// <summary>The packages, packed once from what was built with these tests.</summary>
public sealed class PackedFixture : Xunit.IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Where the packages are.</summary>
    public string Folder => _folder.Path;

    public async ValueTask InitializeAsync()
    {
        string solution = Path.Combine(Repository.Root, "Engine.sln");
        await DotnetCommand.RunAsync(["pack", solution, "--no-build", "-m:1", "-c", Repository.Configuration, "-o", Folder, "-v", "quiet"], Repository.Root);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
