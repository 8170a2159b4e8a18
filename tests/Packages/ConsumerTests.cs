using Sluice.Harness;
using Xunit;

namespace Sluice.Packages.Tests;

[Collection(PackedFixture.Once)]
public sealed class ConsumerTests(PackedFixture packed)
{
    // Inside this repository everything is a project reference; only a stranger's project shows that the package brings the generator too.
    [Fact]
    public async Task A_new_project_that_references_the_package_compiles_an_aggregate_and_runs()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder["Consumer.csproj"], Project(folder), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(folder["Program.cs"], Program, TestContext.Current.CancellationToken);

        await DotnetCommand.RunAsync(["build", "-c", "Release", "-o", folder["out"], "-v", "quiet", "-nologo"], folder.Path);
        string output = await DotnetCommand.RunAsync(["exec", folder["out", "Consumer.dll"]], folder.Path);

        Assert.Equal("203.0.113.7: 3 hits", output.Trim());
    }

    // A message that only the generator's own tests can show helps nobody: this is what somebody sees who has the package and an editor.
    [Fact]
    public async Task A_new_project_with_wrong_declarations_is_told_what_to_change_and_where()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder["Consumer.csproj"], Project(folder), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(folder["Visit.cs"], WrongDeclarations, TestContext.Current.CancellationToken);

        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(
            () => DotnetCommand.RunAsync(["build", "-c", "Release", "-o", folder["out"], "-v", "quiet", "-nologo"], folder.Path));

        string[] messages = [.. failure.Message.Split('\n').Where(static line => line.Contains("error", StringComparison.Ordinal) && line.Contains("Visit.cs", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal)];
        Assert.Contains(messages, static line => line.Contains("Visit.cs(6,22): error SLUICE004: 'Visit' has no [Key] property, which would name its resources", StringComparison.Ordinal));
        Assert.Contains(messages, static line => line.Contains("Visit.cs(9,27): error SLUICE011: 'Hits' is of type 'string'; [Sum] takes long, int and decimal, whose sums are exact in any order, and double, whose sums are rounded", StringComparison.Ordinal));
        Assert.Contains(messages, static line => line.Contains("Visit.cs(11,6): error SLUICE012: 'LastPages': a window keeps 1 to 1000 contributions, not 0", StringComparison.Ordinal));
        Assert.Contains(messages, static line => line.Contains("Visit.cs(14,6): error SLUICE012: 'Revenue': a decimal needs the number of its decimal places, as in [Sum(Scale = 2)]; it is part of the stored form", StringComparison.Ordinal));
    }

    private const string WrongDeclarations =
        """
        using Sluice;

        public static class Program { public static void Main() { } }

        [Aggregate("visit")]
        public partial class Visit
        {
            [Sum]
            public partial string Hits { get; }

            [Window(0)]
            public partial WindowView<string> LastPages { get; }

            [Sum]
            public partial decimal Revenue { get; }
        }
        """;

    private const string Program =
        """
        using Sluice;

        Visit visit = Visit.Definition.Fold("203.0.113.7", [new Visit.Event { Hits = 1 }, new Visit.Event { Hits = 2 }]);
        Console.WriteLine($"{visit.Visitor}: {visit.Hits} hits");

        [Aggregate("visit")]
        public partial class Visit
        {
            [Key]
            public partial string Visitor { get; }

            [Sum]
            public partial long Hits { get; }
        }
        """;

    // The package comes from the folder it was just packed into, and is unpacked where no earlier build of the same version can be mistaken for
    // it; what it depends on was restored for this repository, so that the test needs no network.
    private string Project(TemporaryFolder folder) =>
        $"""
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
            <UseAppHost>false</UseAppHost>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
            <NuGetAudit>false</NuGetAudit>
            <RestoreSources>{packed.Folder}</RestoreSources>
            <RestorePackagesPath>{folder["packages"]}</RestorePackagesPath>
            <RestoreFallbackFolders>{RestoredPackages}</RestoreFallbackFolders>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="Sluice" Version="*" />
          </ItemGroup>
        </Project>
        """;

    private static string RestoredPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
