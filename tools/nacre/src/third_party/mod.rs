//! Upstream programs: recipes in `third_party/`, results in `target/third_party/`.
//!
//! A result appears in its place in one step, with a hash of everything it was made from beside it, so that nothing
//! half-built is ever taken for a whole.

mod build;
mod fetch;
mod recipe;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;
pub use recipe::Recipe;

/// The file in a result that holds the hash of what it was made from.
const KEY_FILE: &str = ".made-from";

/// All recipes and their results.
#[derive(Debug)]
pub struct ThirdParty<'a> {
    workspace: &'a Workspace,
}

impl<'a> ThirdParty<'a> {
    /// Those of this checkout.
    pub fn new(workspace: &'a Workspace) -> Self {
        Self { workspace }
    }

    /// The names of all recipes, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let folder = self.workspace.path("third_party");
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.path().join("recipe.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A recipe by its name.
    pub fn recipe(&self, name: &str) -> Result<Recipe> {
        Recipe::read(&self.workspace.path("third_party").join(name))
    }

    /// Builds these and whatever they need, as far as it is not there already.
    pub fn ensure(&self, names: &[&str]) -> Result<()> {
        for name in names {
            let recipe = self
                .recipe(name)
                .with_context(|| format!("the recipe of {name}"))?;
            let needs: Vec<&str> = recipe.needs.iter().map(String::as_str).collect();
            self.ensure(&needs)?;
            let key = self.key(&recipe)?;
            if !self.is_made(&recipe, &key) {
                build::build(self.workspace, &recipe, &key)
                    .with_context(|| format!("cannot make {} {}", recipe.name, recipe.version))?;
            }
        }
        Ok(())
    }

    /// A hash of the recipe, its script, its place and its needs.
    fn key(&self, recipe: &Recipe) -> Result<String> {
        let mut text = recipe.text()?;
        text.push_str(&self.place(recipe).to_string_lossy());
        for need in &recipe.needs {
            text.push_str(&self.key(&self.recipe(need)?)?);
        }
        Ok(fetch::sha256(text.as_bytes()))
    }

    fn place(&self, recipe: &Recipe) -> PathBuf {
        self.workspace.third_party().join(&recipe.into)
    }

    fn is_made(&self, recipe: &Recipe, key: &str) -> bool {
        let place = self.place(recipe);
        fs::read_to_string(place.join(KEY_FILE)).is_ok_and(|made| made == key)
            && programs(&place).iter().all(|program| {
                program.file_name().is_some_and(|name| {
                    self.workspace.third_party().join("bin").join(name).exists()
                })
            })
    }
}

/// The programs of a result that are for the guest. (A toolchain's are for the host.)
fn programs(place: &Path) -> Vec<PathBuf> {
    if place.ends_with("toolchain") {
        return Vec::new();
    }
    let found = fs::read_dir(place.join("bin"))
        .into_iter()
        .flatten()
        .flatten();
    found.map(|entry| entry.path()).collect()
}
